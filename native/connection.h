// Whether a connection of another process still has a peer. Reads and writes no data.
#pragma once

namespace guestns {

enum class Connection {
  /** Not from outside: a file, a datagram socket, a listener, a pair, a client of a service on this machine. */
  kNone,
  kOpen,
  /** The other end has closed it, or is gone. */
  kGone,
};

/**
 * Briefly holds a copy of the descriptor.
 * @throws Failure EPERM where no process may look (kernel.yama.ptrace_scope=3), ESRCH when the process has ended
 */
Connection connection_look(int pidfd, int fd);

}  // namespace guestns
