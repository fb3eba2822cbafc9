// Whether somebody is still at the other end of a connection that another process holds.
// Reads and writes nothing of it.
#pragma once

namespace guestns {

enum class Connection {
  /** No connection from outside: a file, a datagram socket, one that listens, a pair, one to a service of this machine. */
  kNone,
  kOpen,
  /** The other end has closed it, or has gone. */
  kGone,
};

/**
 * Looks at a descriptor of the process behind `pidfd`. It is held here for as long as the look takes.
 * @throws Failure EPERM where nobody may look (kernel.yama.ptrace_scope=3), ESRCH when the process has ended
 */
Connection connection_look(int pidfd, int fd);

}  // namespace guestns
