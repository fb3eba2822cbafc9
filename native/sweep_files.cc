// The walk: a stack of open directories instead of a recursion, so that no tree is too deep for it, and no list of what is in
// one: whoever fills a directory with names fills no memory of ours.
// Each name is looked up once; what was opened is what is judged, and a user loses a directory before it is emptied.
#include "sweep_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <set>

#include "paths.h"
#include "plan.h"

namespace guestns {
namespace {

constexpr const char* kStep = "sweep";
constexpr size_t kDeepest = 512;
constexpr uint64_t kMostEntries = 1000000;
constexpr size_t kMostLeft = 20;
constexpr size_t kMostShown = 300;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

using Clock = std::chrono::steady_clock;
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/** One directory on the way down, read as far as the walk has come. */
struct Frame {
  int fd() const { return dirfd(dir.get()); }

  Directory dir;
  /** Behind the descriptor: it ends first. */
  std::unique_ptr<SweptDirectories::Stay> stay;
  /** In the frame above; empty for the first. */
  std::string name;
  /** The user's until the sweep gave it to root. */
  bool taken = false;
  /** It, or one above, is somebody's who is neither root nor the user: what is deep or unreadable there is no business of the guest's. */
  bool foreign = false;
  /** Directories that were moved here from further down. */
  std::vector<std::string> moved;
};

/** A name may hold any byte: what could mislead who reads it is shown as \xNN. */
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

class Sweep {
 public:
  Sweep(SweptDirectories& directories, uid_t uid, bool remove, std::chrono::milliseconds limit, const Cancelled& cancelled)
      : directories_(directories), uid_(uid), remove_(remove), end_(Clock::now() + limit), cancelled_(cancelled) {}

  void below(const std::string& path) {
    start_ = path;
    try {
      Fd dir = find_path(path, kStep, O_RDONLY | O_DIRECTORY);
      if (dir) enter(std::move(dir), "");
    } catch (const Failure& failure) {
      unreadable("", failure.error, false);
    }
    bool stopped = false;
    while (!frames_.empty()) {
      if (cancelled_) fail(kStep, start_, ECANCELED);
      stopped = stopped || must_stop();
      std::string name;
      if (!stopped && read_name(&name)) visit(name);
      else leave();
    }
  }

  SweptFiles result() {
    if (more_ > 0) swept_.left.push_back("and " + std::to_string(more_) + " more");
    return std::move(swept_);
  }

 private:
  void enter(Fd dir, const std::string& name);
  void leave();
  void visit(const std::string& name);
  void visit_directory(const Fd& entry, const std::string& name, bool foreign);
  void take_file(const std::string& name);
  bool is_foreign(uid_t owner) const { return owner != uid_ && (owner != 0 || in_foreign()); }
  bool take_directory(const Fd& dir, const std::string& name);
  bool read_name(std::string* name);
  bool must_stop();
  bool move_up(const std::string& name, FileId id);

  std::string path_of(const std::string& name) const {
    std::string path = start_;
    for (const auto& frame : frames_)
      if (!frame.name.empty()) path += "/" + frame.name;
    return name.empty() ? path : path + "/" + name;
  }

  void stays(const std::string& name, const std::string& why = "") {
    if (swept_.left.size() == kMostLeft) more_++;
    else swept_.left.push_back(shown(path_of(name)) + (why.empty() ? "" : ": " + why));
  }

  bool in_foreign() const { return !frames_.empty() && frames_.back().foreign; }

  void unreadable(const std::string& name, int error, bool foreign) {
    if (foreign) return;
    swept_.whole = false;
    stays(name, "could not be looked at: " + reason(error));
  }

  SweptDirectories& directories_;
  const uid_t uid_;
  const bool remove_;
  const Clock::time_point end_;
  const Cancelled& cancelled_;
  std::string start_;
  std::vector<Frame> frames_;
  uint64_t entries_ = 0;
  std::set<FileId> taken_before_;
  uint64_t moved_ = 0;
  uint64_t more_ = 0;
  SweptFiles swept_;
};

void Sweep::visit(const std::string& name) {
  struct open_how how = {};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  // Safe: O_PATH opens no device and wakes no FIFO; what is mounted there is not reached.
  const Fd entry(static_cast<int>(syscall(SYS_openat2, frames_.back().fd(), name.c_str(), &how, sizeof how)));
  if (!entry) {
    if (errno != ENOENT && errno != EXDEV) unreadable(name, errno, in_foreign());
    return;
  }
  struct stat found = {};
  if (fstat(entry.get(), &found) < 0) return unreadable(name, errno, in_foreign());
  if (S_ISDIR(found.st_mode)) return visit_directory(entry, name, is_foreign(found.st_uid));
  if (found.st_uid == uid_) take_file(name);
}

void Sweep::take_file(const std::string& name) {
  swept_.found++;
  if (!remove_) return stays(name);
  // Safe: a name is removed, never what it leads to; who could put another file in its place by now could remove that one as well.
  if (unlinkat(frames_.back().fd(), name.c_str(), 0) < 0 && errno != ENOENT) return stays(name, reason(errno));
  swept_.removed++;
}

void Sweep::visit_directory(const Fd& entry, const std::string& name, bool foreign) {
  Fd dir(openat(entry.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) {
    if (errno != ENOENT) unreadable(name, errno, foreign);
    return;
  }
  enter(std::move(dir), name);
}

/** Goes into a directory, unless that would be too deep; takes it from the user before anything in it is looked at. */
void Sweep::enter(Fd dir, const std::string& name) {
  struct stat found = {};
  if (fstat(dir.get(), &found) < 0) return unreadable(name, errno, in_foreign());
  const bool his = found.st_uid == uid_;
  Frame frame;
  frame.name = name;
  frame.foreign = is_foreign(found.st_uid);
  if (his) swept_.found++;
  const FileId id = {found.st_dev, found.st_ino};
  frame.stay = std::make_unique<SweptDirectories::Stay>(directories_, id);
  frame.taken = his && remove_ ? take_directory(dir, name) : taken_before_.erase(id) > 0;
  if (frame.taken) frame.stay->take();
  if (his && !remove_) stays(name);
  if (frames_.size() > kDeepest) {
    if ((frame.taken && move_up(name, id)) || frame.foreign) return;
    swept_.whole = false;
    return stays(name, "deeper than " + std::to_string(kDeepest) + " directories");
  }
  frame.dir.reset(fdopendir(dir.get()));
  if (!frame.dir) return unreadable(name, errno, frame.foreign);
  dir.release();
  frames_.push_back(std::move(frame));
}

bool Sweep::take_directory(const Fd& dir, const std::string& name) {
  // Safe: by descriptor, and only ever from the user to root; the mode shuts out whoever an access list lets in.
  if (fchown(dir.get(), 0, 0) < 0 || fchmod(dir.get(), 0700) < 0) {
    stays(name, reason(errno));
    return false;
  }
  swept_.removed++;
  return true;
}

/**
 * A directory that is too deep goes on in the highest one that was the user's: nobody but root can reach it there.
 * So a guest cannot keep files by making directories in directories.
 */
bool Sweep::move_up(const std::string& name, FileId id) {
  for (size_t depth = 0; depth + 1 < frames_.size(); depth++) {
    Frame& frame = frames_[depth];
    if (!frame.taken) continue;
    const std::string to = "guestd-sweep-" + std::to_string(moved_++);
    // Safe: from one directory of root's to another in the same tree, and onto nothing.
    if (renameat2(frames_.back().fd(), name.c_str(), frame.fd(), to.c_str(), RENAME_NOREPLACE) < 0) return false;
    taken_before_.insert(id);
    frame.moved.push_back(to);
    return true;
  }
  return false;
}

/** The next name in the last directory; false when there is none. Of what is removed meanwhile no other is passed over. */
bool Sweep::read_name(std::string* name) {
  Frame& frame = frames_.back();
  errno = 0;
  while (const struct dirent* entry = readdir(frame.dir.get())) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    entries_++;
    *name = entry->d_name;
    return true;
  }
  if (errno != 0 && errno != ENOENT) unreadable("", errno, frame.foreign);
  if (frame.moved.empty()) return false;
  *name = std::move(frame.moved.back());
  frame.moved.pop_back();
  return true;
}

/** Whether a bound of the whole sweep is met; says so. */
bool Sweep::must_stop() {
  const bool late = Clock::now() >= end_;
  if (!late && entries_ <= kMostEntries) return false;
  frames_.resize(1);
  swept_.whole = false;
  stays("", late ? "could not be looked at in time" : "more than " + std::to_string(kMostEntries) + " files");
  return true;
}

/**
 * All that is in a directory has been looked at. One that was a user's goes if it is empty; it is root's already if not, and goes
 * with the last sweep that is in it.
 */
void Sweep::leave() {
  const Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frames_.empty() || !remove_ || !frame.stay->taken()) return;
  // Safe: removes an empty directory or nothing.
  if (unlinkat(frames_.back().fd(), frame.name.c_str(), AT_REMOVEDIR) == 0) return;
  const bool stays_as_roots = errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT;
  if (frame.taken && !stays_as_roots) stays(frame.name, "is root's now, and empty: " + reason(errno));
}

}  // namespace

SweptFiles sweep_files(SweptDirectories& directories, const std::vector<std::string>& paths, uid_t uid, bool remove,
                       std::chrono::milliseconds limit, const Cancelled& cancelled) {
  Sweep sweep(directories, uid, remove, limit, cancelled);
  for (const auto& path : paths) sweep.below(path);
  return sweep.result();
}

}  // namespace guestns
