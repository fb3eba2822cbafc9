// Never blocks: a manager that does not read must not block guestd.
#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "plan.h"

namespace guestns {
namespace {

constexpr const char* kStep = "notify";
// SCM_MAX_FD, the kernel's own limit (unix(7)).
constexpr size_t kMostFds = 253;

struct Address {
  struct sockaddr_un name;
  socklen_t length;
};

Address parse_address(const std::string& text) {
  Address address = {};
  const bool known = text.size() >= 2 && (text[0] == '/' || text[0] == '@') && text.find('\0') == std::string::npos;
  if (!known) fail(kStep, text, EINVAL, "expected /path or @name");
  if (text.size() >= sizeof address.name.sun_path) fail(kStep, text, ENAMETOOLONG);
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path, text.data(), text.size());
  // An abstract name ends where the address ends, a path with its NUL (unix(7)).
  const bool abstract = text[0] == '@';
  if (abstract) address.name.sun_path[0] = '\0';
  address.length = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + text.size() + (abstract ? 0 : 1));
  return address;
}

}  // namespace

void notify_send(const std::string& address, const std::string& state, const std::vector<int>& fds) {
  Address to = parse_address(address);
  if (state.empty()) fail(kStep, address, EINVAL, "expected something to say");
  if (fds.size() > kMostFds) fail(kStep, address, EINVAL, "expected at most 253 descriptors");
  const Fd socket_fd(check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), kStep, address));

  struct iovec text = {const_cast<char*>(state.data()), state.size()};
  struct msghdr message = {};
  message.msg_name = &to.name;
  message.msg_namelen = to.length;
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  const size_t bytes = fds.size() * sizeof(int);
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))] = {};
  if (bytes > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(bytes);
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), fds.data(), bytes);
  }
  // Safe: to the service manager's address, with the caller's descriptors.
  check(static_cast<int>(sendmsg(socket_fd.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL)), kStep, address);
}

}  // namespace guestns
