// The walk of a sweep. Its stack of directories bounds memory, unlike recursion or lists of names. Checks what it has
// opened, and takes a directory from its user before emptying it.
#include "sweep_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "paths.h"

namespace guestns {
namespace {

constexpr const char* kStep = "sweep";
constexpr size_t kMostLeft = 20;
constexpr size_t kMostShown = 300;
/** A look leaves a directory after this many names of others, or this long without a find. */
constexpr uint64_t kMostOthers = 10000;
constexpr std::chrono::seconds kLongest(1);
/** Directories that a look enters. An ACL's write permission shows in the group bits (acl(5)). */
constexpr mode_t kOpenToOthers = S_IWGRP | S_IWOTH;
constexpr mode_t kTaken = 0700;

std::string shown(const std::string& path) {
  static const char* const digits = "0123456789abcdef";
  std::string text;
  for (const char c : path) {
    if (text.size() > kMostShown) return text + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') text += c;
    else text += std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
  }
  return text;
}

std::string reason(int error) {
  const char* text = strerrordesc_np(error);
  return text == nullptr ? "error " + std::to_string(error) : text;
}

/** This process's own shortage says nothing about the file. */
bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

}  // namespace

bool FileWalk::go_on(std::chrono::milliseconds limit, const Cancelled& cancelled) {
  const auto end = Clock::now() + limit;
  last_found_ = Clock::now();
  for (std::string name; !way_.empty() || next_ < paths_.size();) {
    if (cancelled) fail(kStep, path_of(""), ECANCELED);
    if (Clock::now() >= end) return false;
    if (way_.empty()) {
      start(paths_[next_++]);
    } else if (has_seen_enough()) {
      // Taken directories are marked: a later walk continues with them.
      unseen_[next_ - 1] = true;
      way_.clear();
    } else if (read_name(&name)) {
      visit(name);
    } else {
      leave();
    }
  }
  tree_.reset();
  return true;
}

bool FileWalk::has_seen_enough() const {
  return depth_ == Depth::kLook && (others_ > kMostOthers || Clock::now() - last_found_ > kLongest);
}

std::vector<std::string> FileWalk::unseen() const {
  std::vector<std::string> paths;
  for (size_t i = 0; i < paths_.size(); i++)
    if (unseen_[i] || i >= next_ || (i + 1 == next_ && !way_.empty())) paths.push_back(shown(paths_[i]));
  return paths;
}

void FileWalk::start(const std::string& path) {
  others_ = 0;
  last_found_ = Clock::now();
  try {
    const Fd found = find_path(path, kStep, O_RDONLY | O_DIRECTORY);
    if (!found) return;
    // Safe: attached nowhere, ends with its descriptor, and has no mounts below.
    tree_ = Fd(open_tree(found.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    Fd dir(openat(tree_ ? tree_.get() : found.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) fail(kStep, path, errno);
    enter(std::move(dir), "");
  } catch (const Failure& failure) {
    unreadable("", failure.error, false);
  }
}

void FileWalk::visit(const std::string& name) {
  struct stat found = {};
  // Safe: opens no device or FIFO, and triggers no automount.
  if (fstatat(way_.last().fd(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
    if (errno != ENOENT) unreadable(name, errno, in_foreign());
    return;
  }
  if (!is_ours(found.st_uid)) others_++;
  const bool foreign = is_foreign(found);
  if (!S_ISDIR(found.st_mode)) {
    if (is_ours(found.st_uid)) take_file(name, found.st_uid);
  } else if (depth_ == Depth::kLook && foreign && (found.st_mode & kOpenToOthers) == 0) {
    // Its owner may have let the user write there before.
    unseen_[next_ - 1] = true;
  } else {
    visit_directory(name, foreign);
  }
}

void FileWalk::take_file(const std::string& name, uid_t owner) {
  SweptOwner& swept = owners_[owner];
  swept.found++;
  last_found_ = Clock::now();
  if (!remove_) return stays(owner, name);
  // Safe: removes a name, never its target. Users who could replace it could remove it.
  if (unlinkat(way_.last().fd(), name.c_str(), 0) < 0 && errno != ENOENT) return stays(owner, name, reason(errno));
  swept.removed++;
}

void FileWalk::visit_directory(const std::string& name, bool foreign) {
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  // Safe: opens a directory or nothing, and crosses no mount.
  Fd dir(static_cast<int>(syscall(SYS_openat2, way_.last().fd(), name.c_str(), &how, sizeof how)));
  if (dir) return enter(std::move(dir), name);
  const bool has_changed = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
  if (errno != EXDEV && !has_changed) unreadable(name, errno, foreign);
}

/** Whether a sweep, perhaps interrupted, gave it to root. */
bool FileWalk::is_taken(const struct stat& found) const {
  return found.st_uid == 0 && (found.st_mode & 07777) == kTaken && is_ours(found.st_gid);
}

bool FileWalk::is_foreign(const struct stat& found) const {
  return !is_ours(found.st_uid) && !is_taken(found) && (found.st_uid != 0 || in_foreign());
}

void FileWalk::enter(Fd dir, const std::string& name) {
  struct stat found = {};
  if (fstat(dir.get(), &found) < 0) return unreadable(name, errno, in_foreign());
  const bool his = is_ours(found.st_uid);
  Frame frame;
  frame.id = {found.st_dev, found.st_ino};
  frame.name = name;
  frame.foreign = is_foreign(found);
  frame.stay = std::make_unique<SweptDirectories::Stay>(directories_, frame.id);
  if (his && remove_ && take_directory(dir, name, found.st_uid)) frame.taken_from = found.st_uid;
  if (is_taken(found)) frame.taken_from = found.st_gid;
  if (frame.taken_from != 0) frame.stay->take();
  if (his && !remove_) {
    owners_[found.st_uid].found++;
    stays(found.st_uid, name);
  }
  if (way_.depth() >= WayDown::kMostOpen) {
    if (frame.taken_from != 0 && remove_ && move_up(name)) return;
    if (depth_ == Depth::kLook) {
      unseen_[next_ - 1] = true;
      return;
    }
  }
  frame.dir.reset(fdopendir(dir.get()));
  if (!frame.dir) return unreadable(name, errno, frame.foreign);
  dir.release();
  way_.push(std::move(frame));
}

bool FileWalk::take_directory(const Fd& dir, const std::string& name, uid_t owner) {
  SweptOwner& swept = owners_[owner];
  swept.found++;
  last_found_ = Clock::now();
  // Safe: by descriptor, and only from the user to root. The mode shuts out users of an ACL. The group marks it for
  // later sweeps: no group has a leased UID's number.
  if (fchown(dir.get(), 0, owner) < 0 || fchmod(dir.get(), kTaken) < 0) {
    stays(owner, name, reason(errno));
    return false;
  }
  swept.removed++;
  return true;
}

/** Moves a too deep directory into the highest one taken from the user: a guest cannot keep files by nesting. */
bool FileWalk::move_up(const std::string& name) {
  for (Frame& frame : way_.open()) {
    if (frame.taken_from == 0 || &frame == &way_.last()) continue;
    for (;;) {
      const std::string to = "guestd-sweep-" + std::to_string(moved_++);
      // Safe: between root's directories in one tree, onto nothing.
      const int moved = renameat2(way_.last().fd(), name.c_str(), frame.fd(), to.c_str(), RENAME_NOREPLACE);
      if (moved == 0) frame.moved.push_back(to);
      if (moved == 0 || errno != EEXIST) return moved == 0;
    }
  }
  return false;
}

/** Concurrent removals skip no other name. */
bool FileWalk::read_name(std::string* name) {
  Frame& frame = way_.last();
  errno = 0;
  while (const struct dirent* entry = readdir(frame.dir.get())) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    names_++;
    *name = entry->d_name;
    return true;
  }
  if (errno != 0 && errno != ENOENT) unreadable("", errno, frame.foreign);
  if (frame.moved.empty()) return false;
  *name = std::move(frame.moved.back());
  frame.moved.pop_back();
  return true;
}

/** Removes a taken directory if empty. Otherwise the last sweep in it does. */
void FileWalk::leave() {
  const Frame frame = way_.pop();
  const bool taken = frame.taken_from != 0 || (frame.stay && frame.stay->taken());
  if (way_.empty() || frame.name.empty() || !remove_ || !taken) return;
  last_found_ = Clock::now();
  // Safe: removes an empty directory or nothing.
  if (unlinkat(way_.last().fd(), frame.name.c_str(), AT_REMOVEDIR) == 0) return;
  const bool stays_as_roots = errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT;
  if (frame.taken_from != 0 && !stays_as_roots) stays(frame.taken_from, frame.name, "is root's now, and empty: " + reason(errno));
}

std::string FileWalk::path_of(const std::string& name) const {
  const std::string path = (next_ == 0 ? "" : paths_[next_ - 1]) + way_.path();
  return name.empty() ? path : path + "/" + name;
}

void FileWalk::stays(uid_t owner, const std::string& name, const std::string& why) {
  SweptOwner& swept = owners_[owner];
  if (swept.left.size() == kMostLeft) swept.more++;
  else swept.left.push_back(shown(path_of(name)) + (why.empty() ? "" : ": " + why));
}

/** Foreign directories do not count: their owners could make them unreadable. */
void FileWalk::unreadable(const std::string& name, int error, bool foreign) {
  if (is_shortage(error)) fail(kStep, shown(path_of(name)), error);
  if (foreign || unread_.size() == kMostLeft) return;
  unread_.push_back(shown(path_of(name)) + ": could not be looked at: " + reason(error));
}

SweptFiles sweep_files(SweptDirectories& directories, const std::vector<std::string>& paths, uid_t uid, bool remove,
                       std::chrono::milliseconds limit, const Cancelled& cancelled) {
  FileWalk walk(directories, paths, {uid}, remove, FileWalk::Depth::kLook);
  walk.go_on(limit, cancelled);
  const WalkProgress progress = walk.progress();
  SweptFiles files;
  const auto owner = progress.owners.find(uid);
  if (owner != progress.owners.end()) {
    files = {owner->second.found, owner->second.removed, owner->second.left, {}};
    if (owner->second.more > 0) files.left.push_back("and " + std::to_string(owner->second.more) + " more");
  }
  files.left.insert(files.left.end(), progress.unread.begin(), progress.unread.end());
  files.unseen = walk.unseen();
  return files;
}

}  // namespace guestns
