// Watches a process through its pidfd on the event loop, and makes other calls on pidfds. Only reports that it has
// ended.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "guestns.h"

namespace guestns {

/** Close-on-exec. */
Fd pidfd_of(pid_t pid);

void pidfd_signal(int pidfd, int signal);

/** Whether the process has ended, reaped or not. Never waits. */
bool pidfd_has_ended(int pidfd);

/**
 * One watched process; main thread only. Lives until libuv has closed the watch. Does not keep the event loop alive:
 * programs must be able to end.
 */
class LeaderWatch {
 public:
  using Callback = std::function<void()>;

  /**
   * @param pidfd is copied
   * @param on_exit called once, unless stop() comes first; its captures are then released
   * @param on_closed called last, when libuv has closed the watch
   */
  static std::shared_ptr<LeaderWatch> start(uv_loop_t* loop, int pidfd, Callback on_exit, Callback on_closed);

  /** May be called repeatedly, and from on_exit. */
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
