// A built view from inside. Changes nothing in it.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "view.h"

namespace guestns {

void enter_view(const Fd& mount_namespace) {
  // Safe: this thread alone, which then ends.
  check(unshare(CLONE_FS), "unshare", "");
  check(setns(mount_namespace.get(), CLONE_NEWNS), "setns", "");
}

Fd find_tmpfs(const View::Tmpfs& tmpfs) {
  // A guest's file system over it need not answer. DONT_SYNC: only the kernel's data.
  Fd mount_point(open(tmpfs.target.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct statx file = {};
  if (!mount_point || statx(mount_point.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &file) < 0) return Fd();
  if (std::to_string(file.stx_dev_major) + ":" + std::to_string(file.stx_dev_minor) != tmpfs.device) return Fd();
  return mount_point;
}

uint64_t view_usage(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted) {
  enter_view(mount_namespace);
  uint64_t bytes = 0;
  for (const auto& tmpfs : mounted) {
    const Fd mount_point = find_tmpfs(tmpfs);
    if (!mount_point) continue;
    struct statfs found = {};
    check(fstatfs(mount_point.get(), &found), "fstatfs", tmpfs.target);
    bytes += (found.f_blocks - found.f_bfree) * static_cast<uint64_t>(found.f_bsize);
  }
  return bytes;
}

}  // namespace guestns
