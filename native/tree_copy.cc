// Bounded in depth and number here, in bytes by the tmpfs. Looks up each name once without following links, and checks
// what it has opened.
#include "tree_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <memory>

#include "paths.h"

namespace guestns {
namespace {

constexpr int kDeepest = 32;
constexpr int kMostEntries = 10000;
constexpr size_t kChunk = size_t{1} << 20;
constexpr size_t kMostDropped = 20;

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

bool starts_with(const std::string& text, const char* start) { return text.compare(0, std::strlen(start), start) == 0; }

/** None if the file system lacks them (xattr(7)). */
std::vector<std::string> list_attributes(const Fd& file) {
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t length = flistxattr(file.get(), names.data(), names.size());
  std::vector<std::string> found;
  for (ssize_t begin = 0; begin < length; begin += static_cast<ssize_t>(found.back().size()) + 1)
    found.emplace_back(names.data() + begin);
  return found;
}

bool is_dot(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

}  // namespace

void give_attributes(const Fd& fd, const struct stat& from, std::optional<Owner> owner, const char* step,
                     const std::string& path) {
  // Safe: this builder has created the file, and no guest can reach it yet.
  check(fchown(fd.get(), owner ? owner->uid : from.st_uid, owner ? owner->gid : from.st_gid), step, path);
  check(fchmod(fd.get(), from.st_mode & 0777), step, path);
  const struct timespec times[] = {from.st_atim, from.st_mtim};
  check(futimens(fd.get(), times), step, path);
}

void TreeCopy::copy(const Fd& from, const Fd& to, const std::string& path) {
  root_ = &to;
  top_ = path;
  first_names_.clear();
  copy_directory(from, to, path, 1);
}

std::vector<std::string> TreeCopy::dropped() const {
  std::vector<std::string> told(dropped_.begin(), dropped_.begin() + static_cast<ssize_t>(std::min(dropped_.size(), kMostDropped)));
  if (dropped_.size() > kMostDropped) told.push_back("and " + std::to_string(dropped_.size() - kMostDropped) + " more");
  return told;
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
  // An earlier tree's file or link of that name wins.
  if (!target && !made && (errno == ENOTDIR || errno == ELOOP)) return;
  check(target.get(), step_, path);
  const Fd source(check(openat(from.get(), name, flags), step_, path));
  copy_directory(source, target, path, depth + 1);
  if (!made) return;
  give_attributes(target, stat_fd(source, step_, path), owner_, step_, path);
  copy_attributes(source, target, path);
}

void TreeCopy::copy_file(const Fd& from, const Fd& to, const char* name, const std::string& path) {
  // O_NONBLOCK: the name may now be a FIFO, which fstat() detects.
  const Fd source(check(openat(from.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), step_, path));
  const struct stat found = stat_fd(source, step_, path);
  if (!S_ISREG(found.st_mode)) fail(step_, path, EINVAL, "was exchanged while it was copied");
  if (found.st_nlink > 1 && copy_hard_link(found, to, name, path)) return;
  const Fd target(openat(to.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target && errno == EEXIST) return;
  if (!target) fail_write(path, errno);
  copy_bytes(source, target, found.st_size, path);
  give_attributes(target, found, owner_, step_, path);
  copy_attributes(source, target, path);
  if (found.st_nlink > 1) first_names_.emplace(std::pair(found.st_dev, found.st_ino), path.substr(top_.size() + 1));
}

bool TreeCopy::copy_hard_link(const struct stat& found, const Fd& to, const char* name, const std::string& path) {
  const auto first = first_names_.find({found.st_dev, found.st_ino});
  if (first == first_names_.end()) return false;
  // Safe: both names are in the builder's own tree.
  if (linkat(root_->get(), first->second.c_str(), to.get(), name, 0) == 0 || errno == EEXIST) return true;
  if (errno != EMLINK) fail_write(path, errno);
  return false;
}

void TreeCopy::copy_bytes(const Fd& from, const Fd& to, off_t size, const std::string& path) {
  off_t begin = 0;
  // A file system without holes reports everything as data.
  while (begin < size && (begin = lseek(from.get(), begin, SEEK_DATA)) >= 0) {
    const off_t end = std::min(seek(from, begin, SEEK_HOLE, path), size);
    seek(to, begin, SEEK_SET, path);
    while (begin < end) {
      stop_when_cancelled(path);
      const ssize_t copied = sendfile(to.get(), from.get(), &begin, std::min(kChunk, static_cast<size_t>(end - begin)));
      if (copied < 0) fail_write(path, errno);
      // The file has become shorter.
      if (copied == 0) return;
    }
  }
  if (begin < 0 && errno != ENXIO) fail(step_, path, errno);
  // Adds the hole at the end.
  if (ftruncate(to.get(), size) < 0) fail_write(path, errno);
}

/** Rights (security.capability) are dropped, like set-user-ID bits. */
void TreeCopy::copy_attributes(const Fd& from, const Fd& to, const std::string& path) {
  for (const auto& name : list_attributes(from)) {
    if (starts_with(name, "user.") || starts_with(name, "system.posix_acl_")) copy_attribute(from, to, name, path);
    else if (name == "security.capability") dropped_.push_back(path + ": " + name);
  }
}

void TreeCopy::copy_attribute(const Fd& from, const Fd& to, const std::string& name, const std::string& path) {
  std::string value(XATTR_SIZE_MAX, '\0');
  const ssize_t length = fgetxattr(from.get(), name.c_str(), value.data(), value.size());
  // Safe: only what owners may set, on a file that this builder has created.
  if (length >= 0 && fsetxattr(to.get(), name.c_str(), value.data(), static_cast<size_t>(length), 0) == 0) return;
  if (errno == ENOSPC) fail_write(path, errno);
  // Before Linux 6.6 a tmpfs takes no user attributes.
  dropped_.push_back(path + ": " + name);
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
  // Safe: the link itself, just created, in a tree that no guest can reach.
  check(fchownat(to.get(), name, owner_->uid, owner_->gid, AT_SYMLINK_NOFOLLOW), step_, path);
}

off_t TreeCopy::seek(const Fd& file, off_t offset, int whence, const std::string& path) {
  const off_t found = lseek(file.get(), offset, whence);
  if (found < 0) fail(step_, path, errno);
  return found;
}

void TreeCopy::fail_write(const std::string& path, int error) {
  fail(step_, path, error, error == ENOSPC ? "it does not fit in the size and inodes of its tmpfs" : "");
}

void TreeCopy::stop_when_cancelled(const std::string& path) {
  if (cancelled_) fail(step_, path, ECANCELED);
}

}  // namespace guestns
