// The kernel answers, whatever a guest does to the processes that read from it.
#include "connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cstddef>

#include "guestns.h"

namespace guestns {
namespace {

int option_of(const Fd& socket, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(socket.get(), SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

bool has_name(const Fd& socket, decltype(&getsockname) get) {
  struct sockaddr_un address = {};
  socklen_t size = sizeof address;
  if (get(socket.get(), reinterpret_cast<struct sockaddr*>(&address), &size) < 0) return false;
  return size > offsetof(struct sockaddr_un, sun_path);
}

/** An accepted socket has the listener's name, and its peer none. A client's peer, such as the bus, has one. */
bool was_accepted(const Fd& socket) { return has_name(socket, getsockname) && !has_name(socket, getpeername); }

bool is_connection(const Fd& socket) {
  if (option_of(socket, SO_TYPE) != SOCK_STREAM || option_of(socket, SO_ACCEPTCONN) != 0) return false;
  const int domain = option_of(socket, SO_DOMAIN);
  return domain == AF_INET || domain == AF_INET6 || domain == AF_VSOCK || (domain == AF_UNIX && was_accepted(socket));
}

}  // namespace

Connection connection_look(int pidfd, int fd) {
  // Safe: a copy, closed before anything else. The caller passes only sockets: closing a file may wait.
  const Fd copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, fd, 0U)));
  if (!copy && errno == EBADF) return Connection::kNone;
  if (!copy) fail("pidfd_getfd", "", errno);
  if (!is_connection(copy)) return Connection::kNone;
  struct pollfd look = {copy.get(), POLLRDHUP, 0};
  check(poll(&look, 1, 0), "poll", "");
  return (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 ? Connection::kGone : Connection::kOpen;
}

}  // namespace guestns
