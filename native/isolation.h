// An IPC namespace for a view; and a PID namespace, with the reaper that holds it. Mounts nothing; the namespaces' file
// systems are mounted from the contexts opened here.
#pragma once

#include <memory>

#include "guestns.h"

namespace guestns {

/** An open /proc/PID/ns file, close-on-exec. */
struct NamespaceFile {
  Fd fd;
  uint64_t inode = 0;
};

/**
 * fsopen(2) of `type` inside the new namespace: a mount made from it shows that namespace, whichever thread makes it.
 */
struct NamespaceContext {
  const char* type;
  Fd fd;
};

/** The running reaper. Unless `pidfd` is moved out of it, the destructor ends the reaper and waits for that. */
class Isolation {
 public:
  Isolation() = default;
  Isolation(const Isolation&) = delete;
  Isolation& operator=(const Isolation&) = delete;
  ~Isolation();

  /** The first unused context of that type; empty when there is none. */
  Fd take_context(const std::string& type);

  pid_t pid = 0;
  Fd pidfd;
  NamespaceFile processes;
  std::vector<NamespaceContext> contexts;
};

/**
 * Moves the calling thread into a new IPC namespace, for good.
 * @param proc guestd's own /proc
 * @throws Failure, step "unshare": ENOSPC when there are as many as the machine allows
 */
NamespaceFile isolation_leave_ipc(const Fd& proc);

/**
 * Starts the reaper in the mount and IPC namespaces of the calling thread. Its PID namespace is a child of the
 * leader's, because a process can only join those below its own (setns(2)). Changes the thread's PID namespace for
 * children for good: it can start no thread after that.
 * @param reaper its executable
 * @param proc guestd's own /proc, whatever is mounted at /proc by now
 * @param types of file systems to open contexts of; each must outlive the call
 * @throws Failure; the reaper is then gone
 */
std::unique_ptr<Isolation> isolation_start(const Fd& leader, const Fd& reaper, const Fd& proc,
                                           const std::vector<const char*>& types);

/**
 * waitid(2) without waiting.
 * @return true when the child has been reaped, or is no child (any more); false while it runs
 */
bool isolation_reap(int pidfd);

}  // namespace guestns
