// The one call that builds a view, and what it gives.
// Plain C++, without N-API; who gets which view is decided by the daemon.
#pragma once

#include <memory>

#include "guestns.h"
#include "isolation.h"
#include "plan.h"

namespace guestns {

/** A finished view. It lives as long as `mount_namespace` is open or a process, such as the reaper, is in it. */
struct View {
  struct Tmpfs {
    std::string target;
    std::string device;
  };
  Fd mount_namespace;
  uint64_t inode = 0;
  std::vector<Tmpfs> tmpfs;
  std::vector<std::string> skipped;
  std::vector<std::string> dropped;
  /** Of the host's mount of the home, where there is one to be kept. */
  Fd kept;
  /** Empty where the view has the leader's. */
  NamespaceFile ipc;
  std::unique_ptr<Isolation> isolation;
};

/**
 * Builds a view from the mount namespace of the process behind `leader`.
 * Changes the namespaces, root and umask of the calling thread for good: call it from a thread that ends after it,
 * and that gets no signals. When it throws, the thread's end takes away all that was made.
 * @param label source of each tmpfs that is made
 * @param reaper executable of the first process of a PID namespace of the view's own, which has an IPC namespace as well; empty for none
 * @throws Failure
 */
View build_view(const Fd& leader, const Plan& plan, const std::string& label, const Fd& reaper, const Cancelled& cancelled);

/** Puts the calling thread, which ends after it, into a view. */
void enter_view(const Fd& mount_namespace);

/** The top of a tmpfs of the view that the thread is in, O_PATH; empty where something else is now. */
Fd find_tmpfs(const View::Tmpfs& tmpfs);

/**
 * Bytes that these tmpfs of a view hold; one that something else has been mounted over counts nothing.
 * Changes the mount namespace of the calling thread for good, as build_view does.
 * @throws Failure when the view cannot be entered
 */
uint64_t view_usage(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted);

}  // namespace guestns
