// The mounts of a view, one function each, by the new mount API (fsopen(2), open_tree(2), move_mount(2)). A mount made
// here is detached and invisible until mount_attach(). Knows nothing of a plan's order.
#pragma once

#include "guestns.h"
#include "plan.h"

namespace guestns {

struct TmpfsOptions {
  std::string size;
  uint64_t inodes;
  mode_t mode;
  bool noexec;
};

/**
 * A tmpfs of root's, nosuid and nodev, kept out of swap where the kernel can (6.4).
 * @param label its source, as mountinfo shows it
 * @param target for failures
 */
Fd mount_make_tmpfs(const TmpfsOptions& options, const std::string& label, const std::string& target);

/** Whether the kernel can keep a tmpfs out of swap. */
bool mount_knows_noswap();

/**
 * A /proc of its own with hidepid=, nosuid, nodev and noexec.
 * @param context fsopen(2) of "proc" by a process of the PID namespace to be shown; empty for this thread's
 */
Fd mount_make_proc(const ProcStep& step, Fd context);

/** The POSIX message queues of this thread's IPC namespace, nosuid, nodev and noexec. */
Fd mount_make_mqueue(const MqueueStep& step);

/** A new instance of pseudo-terminals, nosuid and noexec, with the group tty as on Debian. */
Fd mount_make_devpts(const DevptsStep& step);

/**
 * A read-only overlay, nosuid and nodev.
 * @param layers the first on top; each a mount of this thread's own namespace (kernels before 6.15 want that)
 * @param fd_directory this thread's /proc/thread-self/fd
 */
Fd mount_make_overlay(const std::vector<const Fd*>& layers, const Fd& fd_directory, const std::string& target);

/** A copy of the tree at `source`, with what is mounted below it, nosuid and nodev. */
Fd mount_clone(const Fd& source, bool readonly, const std::string& path);

/** A read-only copy of the tree at `mount_point`, with what is mounted below it; other flags stay. */
Fd mount_clone_readonly(const Fd& mount_point, const std::string& path);

/**
 * An empty, read-only file.
 * @param directory briefly carries a mount: kernels before 6.15 clone only attached mounts
 */
Fd mount_make_empty_file(const Fd& directory, const Fd& fd_directory, const std::string& label, const std::string& target);

/** Attaches a detached mount over `mount_point`; a directory goes over a directory, a file over a file. */
void mount_attach(const Fd& mount, const Fd& mount_point, const std::string& target);

/** Detaches an attached mount. It lives while something uses it. */
void mount_detach(const Fd& mount, const Fd& fd_directory, const std::string& target);

/**
 * Unmounts at a path of this thread's own namespace.
 * @throws Failure EBUSY while something uses it, EINVAL where nothing is mounted
 */
void mount_remove(const std::string& path);

/** Makes one mount read-only, not what is mounted below it. */
void mount_seal(const Fd& mount, const std::string& target);

/** The host's mounts appear in this namespace, but no mount made here appears on the host. */
void mount_make_all_slave();

}  // namespace guestns
