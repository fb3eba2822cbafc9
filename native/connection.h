// Whether a connection that another process holds still has a peer. Reads and writes none of its data.
#pragma once

namespace guestns {

enum class Connection {
  /**
   * No connection from outside: a file, a datagram socket, a listener, a pair, a client of a service on this machine.
   */
  kNone,
  kOpen,
  /** The other end has closed it, or is gone. */
  kGone,
};

/**
 * Looks at a descriptor of the process behind `pidfd`; this process briefly holds a copy of it.
 * @throws Failure EPERM where no process may look (kernel.yama.ptrace_scope=3), ESRCH when the process has ended
 */
Connection connection_look(int pidfd, int fd);

}  // namespace guestns
