// Moves directories to the top and empties them in turn. No tree is too deep, and at most five descriptors are open.
#include "wipe.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include <cstring>
#include <memory>

#include "paths.h"

namespace guestns {
namespace {

constexpr const char* kStep = "wipe";

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/** This thread's processor time: a busy machine fails no wipe, and a guest's tree costs at most the limit. */
std::chrono::nanoseconds time_used() {
  struct timespec used = {};
  check(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used), "clock_gettime", "");
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

Directory open_list(const Fd& mount_point) {
  Fd fd(openat(mount_point.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Directory list(fd ? fdopendir(fd.get()) : nullptr);
  if (list) fd.release();
  return list;
}

/** Empty where something is mounted. */
Fd open_entry(int dir, const char* name, int flags) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  // Safe: follows nothing and leaves neither the directory nor the mount.
  return Fd(static_cast<int>(syscall(SYS_openat2, dir, name, &how, sizeof how)));
}

class Wipe {
 public:
  Wipe(const Fd& top, const std::string& target, std::chrono::nanoseconds end, const Cancelled& cancelled)
      : top_(top), target_(target), end_(end), cancelled_(cancelled) {}

  void run() {
    empty(top_, true);
    while (!directories_.empty()) {
      const std::string name = std::move(directories_.back());
      directories_.pop_back();
      const Fd directory = open_entry(top_.get(), name.c_str(), O_PATH | O_DIRECTORY);
      if (!directory) continue;
      empty(directory, false);
      // Safe: removes an empty directory or nothing.
      unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR);
    }
  }

 private:
  void empty(const Fd& directory, bool is_top) {
    const Directory list = open_list(directory);
    if (!list) return;
    while (const struct dirent* entry = readdir(list.get())) {
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      check_time();
      const Fd file = open_entry(dirfd(list.get()), entry->d_name, O_PATH);
      struct stat found = {};
      if (!file || fstat(file.get(), &found) < 0) continue;
      if (!S_ISDIR(found.st_mode)) remove(dirfd(list.get()), entry->d_name, found);
      else if (is_top) directories_.emplace_back(entry->d_name);
      else move_up(dirfd(list.get()), entry->d_name);
    }
  }

  void check_time() const {
    if (cancelled_) fail(kStep, target_, ECANCELED);
    if (time_used() >= end_) fail(kStep, target_, ETIMEDOUT);
  }

  /** Truncates first, which frees memory even of open or mapped files. */
  static void remove(int dir, const char* name, const struct stat& seen) {
    if (S_ISREG(seen.st_mode)) {
      // Safe: does not wait for a FIFO, and truncates only the file that was seen.
      const Fd file = open_entry(dir, name, O_WRONLY | O_NONBLOCK | O_NOCTTY);
      struct stat opened = {};
      const bool same = file && fstat(file.get(), &opened) == 0 && opened.st_dev == seen.st_dev && opened.st_ino == seen.st_ino;
      // A file that is being executed stays, and is counted.
      if (same && ftruncate(file.get(), 0) < 0) return;
    }
    // Safe: a name in a tmpfs of the ending session.
    unlinkat(dir, name, 0);
  }

  /** Mounts in it move with it. */
  void move_up(int dir, const char* name) {
    for (;;) {
      check_time();
      const std::string to = "guestd-wipe-" + std::to_string(moved_++);
      // Safe: within one tmpfs, and onto nothing.
      if (renameat2(dir, name, top_.get(), to.c_str(), RENAME_NOREPLACE) == 0) return directories_.push_back(to);
      if (errno != EEXIST) return;
    }
  }

  const Fd& top_;
  const std::string& target_;
  const std::chrono::nanoseconds end_;
  const Cancelled& cancelled_;
  std::vector<std::string> directories_;
  uint64_t moved_ = 0;
};

}  // namespace

uint64_t wipe_view(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted, std::chrono::milliseconds limit,
                   const Cancelled& cancelled) {
  const auto end = time_used() + limit;
  enter_view(mount_namespace);
  uint64_t bytes = 0;
  for (const auto& tmpfs : mounted) {
    const Fd mount_point = find_tmpfs(tmpfs);
    struct statfs found = {};
    if (!mount_point || fstatfs(mount_point.get(), &found) < 0 || found.f_type != TMPFS_MAGIC) continue;
    Wipe(mount_point, tmpfs.target, end, cancelled).run();
    check(fstatfs(mount_point.get(), &found), "fstatfs", tmpfs.target);
    bytes += (found.f_blocks - found.f_bfree) * static_cast<uint64_t>(found.f_bsize);
  }
  return bytes;
}

}  // namespace guestns
