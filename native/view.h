// The one call that builds a view, and its result. Plain C++, without N-API; the daemon decides who gets which view.
#pragma once

#include <memory>

#include "guestns.h"
#include "isolation.h"
#include "plan.h"

namespace guestns {

/** A finished view. It lives while `mount_namespace` is open or a process, such as the reaper, is in it. */
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
  /** The host's mount of the home, if one is to be kept. */
  Fd kept;
  /** Empty where the view has the leader's. */
  NamespaceFile ipc;
  std::unique_ptr<Isolation> isolation;
};

/**
 * Builds a view from the mount namespace of the process behind `leader`. Changes the namespaces, root and umask of the
 * calling thread for good: call it from a thread that ends after it and gets no signals. When it throws, the thread's
 * end removes everything that was made.
 * @param label source of each tmpfs that is made
 * @param reaper executable of the first process of the view's own PID namespace, which also has an IPC namespace; empty
 * for none
 * @throws Failure
 */
View build_view(const Fd& leader, const Plan& plan, const std::string& label, const Fd& reaper, const Cancelled& cancelled);

/** Puts the calling thread, which ends after it, into a view. */
void enter_view(const Fd& mount_namespace);

/** The top of a tmpfs of the thread's view, O_PATH; empty where something else is now. */
Fd find_tmpfs(const View::Tmpfs& tmpfs);

/**
 * Bytes in these tmpfs of a view; a covered one counts as empty. Changes the mount namespace of the calling thread for
 * good, as build_view does.
 * @throws Failure when the view cannot be entered
 */
uint64_t view_usage(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted);

}  // namespace guestns
