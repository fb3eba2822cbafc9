// The directories on the way down of a walk, from the one it began at to the one it reads. However deep a tree is, no more than a bounded
// number of them is open: of those further up the walk remembers how far it has read them. Judges no file.
#pragma once

#include <dirent.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "guestns.h"
#include "swept_directories.h"

namespace guestns {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

/** One directory, read as far as the walk has come. */
struct Frame {
  int fd() const { return dirfd(dir.get()); }

  std::unique_ptr<DIR, CloseDirectory> dir;
  /** Behind the descriptor: it ends first. */
  std::unique_ptr<SweptDirectories::Stay> stay;
  FileId id = {};
  /** In the directory above; empty for the first. */
  std::string name;
  /** Whose it was until a sweep gave it to root; 0 where none did. */
  uid_t taken_from = 0;
  /** It, or one above, is neither root's nor a user's who is looked for. */
  bool foreign = false;
  /** Directories that were moved here from further down. */
  std::vector<std::string> moved;
};

class WayDown {
 public:
  /** As many directories are open at most, and as deep the walk goes in what it can move up. */
  static constexpr size_t kMostOpen = 512;

  bool empty() const { return open_.empty(); }
  size_t depth() const { return parked_.size() + open_.size(); }
  Frame& last() { return open_.back(); }
  const Frame& last() const { return open_.back(); }
  std::deque<Frame>& open() { return open_; }
  /** Of the last directory, below the first; "..." stands for those that are not open. */
  std::string path() const;

  /** @throws Failure ELOOP where it is too deep to be remembered */
  void push(Frame frame);

  /**
   * Leaves the last directory for the one above it. Where its owner has moved it away from there meanwhile, the walk goes on in the first:
   * what moves while it is looked for is not found.
   * @return what was left; without a name where it is not in the last directory now
   */
  Frame pop();

  void clear();

 private:
  /** A directory that is not open: where it was read up to, and what is to be done when it has been read. */
  struct Parked {
    FileId id;
    long position;
    bool foreign;
    struct Rest {
      uid_t taken_from;
      std::string name;
      std::vector<std::string> moved;
    };
    /** Only for what was taken. */
    std::unique_ptr<Rest> rest;
  };

  void park();
  bool reopen(int from, const char* path, Parked& parked);

  std::deque<Parked> parked_;
  std::deque<Frame> open_;
  /** The first directory, from when it is parked. */
  Fd first_;
};

}  // namespace guestns
