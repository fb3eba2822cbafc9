// By openat2(2): the kernel refuses symbolic links anywhere. Must not fall back to open(2), which follows links planted
// between two calls.
#include "paths.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

namespace guestns {
namespace {

Fd find(int dir, const std::string& path, const char* step, const std::string& shown, int flags, uint64_t beneath) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | beneath;
  // Safe: only opens. Later checks use the descriptor, not the path.
  const long fd = syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
  if (fd >= 0) return Fd(static_cast<int>(fd));
  if (errno == ENOENT) return Fd();
  fail(step, shown, errno, errno == ELOOP ? "a symbolic link is in the path; name the real path" : "");
}

}  // namespace

Fd find_path(const std::string& path, const char* step, int flags) {
  return find(AT_FDCWD, path, step, path, flags, 0);
}

Fd open_path(const std::string& path, const char* step, int flags) {
  Fd fd = find_path(path, step, flags);
  if (!fd) fail(step, path, ENOENT);
  return fd;
}

Fd find_beneath(const Fd& dir, const std::string& relative, const char* step, const std::string& shown, int flags) {
  return find(dir.get(), relative, step, shown, flags, RESOLVE_BENEATH);
}

bool is_directory(const Fd& fd, const char* step, const std::string& path) {
  struct statx found = {};
  // Safe: with DONT_SYNC and no field no request is sent (fuse_getattr(), nfs_getattr()); the type is still included.
  check(statx(fd.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &found), step, path);
  return S_ISDIR(found.stx_mode);
}

struct stat stat_fd(const Fd& fd, const char* step, const std::string& path) {
  struct stat found = {};
  check(fstat(fd.get(), &found), step, path);
  return found;
}

}  // namespace guestns
