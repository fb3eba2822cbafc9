// Watches a process through its pidfd on the event loop, and makes the other calls on a pidfd. Decides nothing about
// sessions: it reports once that the process has ended.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "guestns.h"

namespace guestns {

/** pidfd_open(2); close-on-exec. */
Fd pidfd_of(pid_t pid);

/** pidfd_send_signal(2). */
void pidfd_signal(int pidfd, int signal);

/** Whether the process has ended, reaped or not. Never waits. */
bool pidfd_has_ended(int pidfd);

/**
 * One watched process. Lives until libuv has closed the watch, even if all others drop it; main thread only. It does
 * not keep the event loop alive: a daemon has its bus for that, and other programs want to end.
 */
class LeaderWatch {
 public:
  using Callback = std::function<void()>;

  /**
   * @param pidfd copied; the caller keeps their own
   * @param on_exit called once, unless stop() comes first; released, with its captures, when either has happened
   * @param on_closed called last, when libuv has closed the watch
   */
  static std::shared_ptr<LeaderWatch> start(uv_loop_t* loop, int pidfd, Callback on_exit, Callback on_closed);

  /** May be called more than once, and from on_exit. */
  void stop();

 private:
  static void on_poll(uv_poll_t* poll, int status, int events);
  static void on_close(uv_handle_t* handle);

  uv_poll_t poll_ = {};
  Fd pidfd_;
  Callback on_exit_;
  Callback on_closed_;
  std::shared_ptr<LeaderWatch> self_;
};

}  // namespace guestns
