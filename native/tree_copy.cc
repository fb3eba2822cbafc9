// The copy itself. Bounded in depth and number here, in bytes by the tmpfs it goes into.
// Each name is looked up once, without following links, and what was opened is what is judged.
#include "tree_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>

#include <climits>
#include <cstring>
#include <memory>

#include "paths.h"

namespace guestns {
namespace {

constexpr int kDeepest = 32;
constexpr int kMostEntries = 10000;
constexpr size_t kChunk = size_t{1} << 20;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory list(const Fd& fd, const char* step, const std::string& path) {
  Fd copy(check(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0), step, path));
  Directory directory(fdopendir(copy.get()));
  if (!directory) fail(step, path, errno);
  copy.release();
  return directory;
}

bool is_dot(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

}  // namespace

void give_attributes(const Fd& fd, const struct stat& from, std::optional<Owner> owner, const char* step,
                     const std::string& path) {
  // Safe: the descriptor is of a file this builder has made, and no guest can reach it yet.
  check(fchown(fd.get(), owner ? owner->uid : from.st_uid, owner ? owner->gid : from.st_gid), step, path);
  check(fchmod(fd.get(), from.st_mode & 0777), step, path);
  const struct timespec times[] = {from.st_atim, from.st_mtim};
  check(futimens(fd.get(), times), step, path);
}

void TreeCopy::copy_directory(const Fd& from, const Fd& to, const std::string& path, int depth) {
  if (depth > kDeepest) fail(step_, path, ELOOP, "more than 32 directories deep");
  const Directory directory = list(from, step_, path);
  while (true) {
    stop_when_cancelled(path);
    errno = 0;
    const struct dirent* entry = readdir(directory.get());
    if (entry == nullptr && errno != 0) fail(step_, path, errno);
    if (entry == nullptr) return;
    if (is_dot(entry->d_name)) continue;
    const std::string entry_path = path + "/" + entry->d_name;
    if (++entries_ > kMostEntries) fail(step_, entry_path, E2BIG, "more than 10000 files");
    copy_entry(from, to, entry->d_name, entry_path, depth);
  }
}

void TreeCopy::copy_entry(const Fd& from, const Fd& to, const char* name, const std::string& path, int depth) {
  struct stat found = {};
  check(fstatat(from.get(), name, &found, AT_SYMLINK_NOFOLLOW), step_, path);
  switch (found.st_mode & S_IFMT) {
    case S_IFDIR: return enter_directory(from, to, name, path, depth);
    case S_IFREG: return copy_file(from, to, name, path);
    case S_IFLNK: return copy_link(from, to, name, path);
    default: fail(step_, path, EINVAL, "only files, directories and symbolic links are copied");
  }
}

void TreeCopy::enter_directory(const Fd& from, const Fd& to, const char* name, const std::string& path, int depth) {
  const bool made = mkdirat(to.get(), name, 0700) == 0;
  if (!made && errno != EEXIST) fail_write(path, errno);
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const Fd target(openat(to.get(), name, flags));
  // A tree copied before this one has a file or a link of that name, and comes first.
  if (!target && !made && (errno == ENOTDIR || errno == ELOOP)) return;
  check(target.get(), step_, path);
  const Fd source(check(openat(from.get(), name, flags), step_, path));
  copy_directory(source, target, path, depth + 1);
  if (made) give_attributes(target, stat_fd(source, step_, path), owner_, step_, path);
}

void TreeCopy::copy_file(const Fd& from, const Fd& to, const char* name, const std::string& path) {
  // The name may be a FIFO by now: O_NONBLOCK does not wait for its writer, and fstat() tells.
  const Fd source(check(openat(from.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), step_, path));
  const struct stat found = stat_fd(source, step_, path);
  if (!S_ISREG(found.st_mode)) fail(step_, path, EINVAL, "was exchanged while it was copied");
  const Fd target(openat(to.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target && errno == EEXIST) return;
  if (!target) fail_write(path, errno);
  copy_bytes(source, target, path);
  give_attributes(target, found, owner_, step_, path);
}

void TreeCopy::copy_bytes(const Fd& from, const Fd& to, const std::string& path) {
  ssize_t copied;
  while ((copied = sendfile(to.get(), from.get(), nullptr, kChunk)) > 0) stop_when_cancelled(path);
  if (copied < 0) fail_write(path, errno);
}

void TreeCopy::copy_link(const Fd& from, const Fd& to, const char* name, const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(from.get(), name, target, sizeof target - 1);
  if (length < 0) fail(step_, path, errno);
  target[length] = '\0';
  if (symlinkat(target, to.get(), name) < 0) {
    if (errno == EEXIST) return;
    fail_write(path, errno);
  }
  if (!owner_) return;
  // Safe: the link this function has just made, itself, in a tree no guest can reach.
  check(fchownat(to.get(), name, owner_->uid, owner_->gid, AT_SYMLINK_NOFOLLOW), step_, path);
}

void TreeCopy::fail_write(const std::string& path, int error) {
  fail(step_, path, error, error == ENOSPC ? "it does not fit in the size and inodes of its tmpfs" : "");
}

void TreeCopy::stop_when_cancelled(const std::string& path) {
  if (cancelled_) fail(step_, path, ECANCELED);
}

}  // namespace guestns
