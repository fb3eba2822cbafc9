// Never reaps a process: isolation_reap() does that.
#include "leader_watch.h"

#include <fcntl.h>
#include <poll.h>

// glibc 2.36 (Debian 12) does not declare these as C functions.
extern "C" {
#include <sys/pidfd.h>
}

namespace guestns {

Fd pidfd_of(pid_t pid) {
  // Safe: gives no right over the process. The caller has to detect a reused PID.
  return Fd(check(pidfd_open(pid, 0), "pidfd_open", ""));
}

void pidfd_signal(int pidfd, int signal) {
  // Safe: by pidfd, so no reused PID.
  check(pidfd_send_signal(pidfd, signal, nullptr, 0), "pidfd_send_signal", "");
}

bool pidfd_has_ended(int pidfd) {
  pollfd asked = {pidfd, POLLIN, 0};
  // kill(2) would accept a zombie. A descriptor's error counts as the end, as in a watch.
  return check(poll(&asked, 1, 0), "poll", "") > 0;
}

std::shared_ptr<LeaderWatch> LeaderWatch::start(uv_loop_t* loop, int pidfd, Callback on_exit, Callback on_closed) {
  // Signal 0 only checks that it is a pidfd: polling a socket would end a session at its first byte.
  if (pidfd_send_signal(pidfd, 0, nullptr, 0) < 0 && errno == EBADF) fail("watch", "", EBADF, "expected a pidfd");
  auto watch = std::make_shared<LeaderWatch>();
  watch->pidfd_ = Fd(check(fcntl(pidfd, F_DUPFD_CLOEXEC, 0), "watch", ""));
  const int status = uv_poll_init(loop, &watch->poll_, watch->pidfd_.get());
  if (status < 0) fail("uv_poll_init", "", -status);
  watch->self_ = watch;
  watch->poll_.data = watch.get();
  uv_unref(reinterpret_cast<uv_handle_t*>(&watch->poll_));
  const int started = uv_poll_start(&watch->poll_, UV_READABLE, on_poll);
  if (started < 0) {
    watch->stop();
    fail("uv_poll_start", "", -started);
  }
  watch->on_exit_ = std::move(on_exit);
  watch->on_closed_ = std::move(on_closed);
  return watch;
}

void LeaderWatch::stop() {
  on_exit_ = nullptr;
  auto* handle = reinterpret_cast<uv_handle_t*>(&poll_);
  if (self_ != nullptr && !uv_is_closing(handle)) uv_close(handle, on_close);
}

void LeaderWatch::on_poll(uv_poll_t* poll, int /*status*/, int /*events*/) {
  // An error of the descriptor counts as the end: an unwatched leader must not keep its session.
  auto* watch = static_cast<LeaderWatch*>(poll->data);
  const Callback on_exit = std::move(watch->on_exit_);
  watch->stop();
  if (on_exit) on_exit();
}

void LeaderWatch::on_close(uv_handle_t* handle) {
  const auto watch = std::move(static_cast<LeaderWatch*>(handle->data)->self_);
  watch->pidfd_.reset();
  if (watch->on_closed_) watch->on_closed_();
}

}  // namespace guestns
