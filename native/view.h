// Builds a view. Plain C++, without N-API; the daemon decides who gets which view.
#pragma once

#include <memory>

#include "guestns.h"
#include "isolation.h"
#include "plan.h"

namespace guestns {

/** Lives while `mount_namespace` is open or a process, such as the reaper, is in it. */
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
  /** The host's mount of the home, if it is kept. */
  Fd kept;
  /** Empty where the view has the leader's. */
  NamespaceFile ipc;
  std::unique_ptr<Isolation> isolation;
};

/**
 * Builds a view from the leader's mount namespace. Changes the thread's namespaces, root and umask for good. Call it
 * from a thread that then ends, and gets no signals. When it throws, the thread's end removes everything.
 * @param label source of each tmpfs
 * @param reaper executable of the first process of the view's PID namespace, which also has an IPC namespace; empty
 * for neither
 * @throws Failure
 */
View build_view(const Fd& leader, const Plan& plan, const std::string& label, const Fd& reaper, const Cancelled& cancelled);

/** Puts the calling thread, which must then end, into a view. */
void enter_view(const Fd& mount_namespace);

/** The top of a tmpfs of the thread's view, O_PATH; empty where covered. */
Fd find_tmpfs(const View::Tmpfs& tmpfs);

/**
 * Bytes in these tmpfs, 0 for a covered one. Changes the thread's mount namespace for good.
 * @throws Failure when the view cannot be entered
 */
uint64_t view_usage(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted);

}  // namespace guestns
