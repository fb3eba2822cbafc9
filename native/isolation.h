// An IPC namespace for a view, and a PID namespace with its reaper. Mounts nothing: it opens the contexts to mount
// from.
#pragma once

#include <memory>

#include "guestns.h"

namespace guestns {

/** An open /proc/PID/ns file, close-on-exec. */
struct NamespaceFile {
  Fd fd;
  uint64_t inode = 0;
};

/** fsopen(2) in the new namespace: its mount shows that namespace, whichever thread makes it. */
struct NamespaceContext {
  const char* type;
  Fd fd;
};

/** The running reaper. The destructor ends it, unless `pidfd` is moved out. */
class Isolation {
 public:
  Isolation() = default;
  Isolation(const Isolation&) = delete;
  Isolation& operator=(const Isolation&) = delete;
  ~Isolation();

  /** The first unused context of that type; empty if none. */
  Fd take_context(const std::string& type);

  pid_t pid = 0;
  Fd pidfd;
  NamespaceFile processes;
  std::vector<NamespaceContext> contexts;
};

/**
 * Moves the calling thread into a new IPC namespace, for good.
 * @param proc guestd's own /proc
 * @throws Failure, step "unshare": ENOSPC at the machine's limit
 */
NamespaceFile isolation_leave_ipc(const Fd& proc);

/**
 * Starts the reaper in the calling thread's mount and IPC namespaces, and in a child of the leader's PID namespace: a
 * process can only join those below its own (setns(2)). The thread can start no thread after that.
 * @param reaper its executable
 * @param proc guestd's own /proc, whatever is mounted there now
 * @param types of contexts to open; each must outlive the call
 * @throws Failure; the reaper is then gone
 */
std::unique_ptr<Isolation> isolation_start(const Fd& leader, const Fd& reaper, const Fd& proc,
                                           const std::vector<const char*>& types);

/**
 * Never waits.
 * @return true when the child has been reaped, or is no child; false while it runs
 */
bool isolation_reap(int pidfd);

}  // namespace guestns
