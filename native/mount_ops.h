// The mounts of a view, by the new mount API. They are detached and invisible until mount_attach(). Knows nothing of a
// plan's order.
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
 * Root's, nosuid, nodev, and kept out of swap where the kernel can (6.4).
 * @param label its source, as mountinfo shows it
 * @param target for failures
 */
Fd mount_make_tmpfs(const TmpfsOptions& options, const std::string& label, const std::string& target);

bool mount_knows_noswap();

/**
 * A /proc with hidepid=, nosuid, nodev and noexec.
 * @param context fsopen(2) of "proc" in the PID namespace to show; empty for this thread's
 */
Fd mount_make_proc(const ProcStep& step, Fd context);

/** The POSIX message queues of this thread's IPC namespace; nosuid, nodev and noexec. */
Fd mount_make_mqueue(const MqueueStep& step);

/** A new instance, nosuid and noexec, with Debian's group tty. */
Fd mount_make_devpts(const DevptsStep& step);

/**
 * Read-only, nosuid and nodev.
 * @param layers from the top; kernels before 6.15 accept only mounts of this thread's namespace
 * @param fd_directory this thread's /proc/thread-self/fd
 */
Fd mount_make_overlay(const std::vector<const Fd*>& layers, const Fd& fd_directory, const std::string& target);

/** A copy of the tree with its mounts, nosuid and nodev. */
Fd mount_clone(const Fd& source, bool readonly, const std::string& path);

/** The same, read-only; other flags stay. */
Fd mount_clone_readonly(const Fd& mount_point, const std::string& path);

/**
 * An empty, read-only file.
 * @param directory briefly carries a mount: kernels before 6.15 clone only attached mounts
 */
Fd mount_make_empty_file(const Fd& directory, const Fd& fd_directory, const std::string& label, const std::string& target);

/** Attaches a directory over a directory, or a file over a file. */
void mount_attach(const Fd& mount, const Fd& mount_point, const std::string& target);

/** The mount lives while something uses it. */
void mount_detach(const Fd& mount, const Fd& fd_directory, const std::string& target);

/**
 * Unmounts at a path of this thread's namespace.
 * @throws Failure EBUSY while something uses it, EINVAL where nothing is mounted
 */
void mount_remove(const std::string& path);

/** Makes one mount read-only, not those below it. */
void mount_seal(const Fd& mount, const std::string& target);

/** The host's mounts appear here, but none made here appears on the host. */
void mount_make_all_slave();

}  // namespace guestns
