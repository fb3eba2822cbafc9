// The directories on the way down of a walk. Only a bounded number is open: it remembers the position in the higher
// ones. Judges no file.
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

struct Frame {
  int fd() const { return dirfd(dir.get()); }

  std::unique_ptr<DIR, CloseDirectory> dir;
  /** Ends first, as it comes after the descriptor. */
  std::unique_ptr<SweptDirectories::Stay> stay;
  FileId id = {};
  /** Its name in the directory above; empty for the first. */
  std::string name;
  /** Its owner before a sweep gave it to root; 0 if none did. */
  uid_t taken_from = 0;
  /** It, or one above, belongs to neither root nor the users. */
  bool foreign = false;
  std::vector<std::string> moved;
};

class WayDown {
 public:
  /** The most open directories, and the depth beyond which the walk moves directories up. */
  static constexpr size_t kMostOpen = 512;

  bool empty() const { return open_.empty(); }
  size_t depth() const { return parked_.size() + open_.size(); }
  Frame& last() { return open_.back(); }
  const Frame& last() const { return open_.back(); }
  std::deque<Frame>& open() { return open_; }
  /** The last directory's path below the first; "..." stands for closed directories. */
  std::string path() const;

  /** @throws Failure ELOOP where it is too deep to be remembered */
  void push(Frame frame);

  /**
   * Returns to the directory above. If its owner has moved it away, continues in the first: moved files are not found.
   * @return the directory left; without a name where it is no longer in the last directory
   */
  Frame pop();

  void clear();

 private:
  /** A closed directory, to be continued at `position`. */
  struct Parked {
    FileId id;
    long position;
    bool foreign;
    struct Rest {
      uid_t taken_from;
      std::string name;
      std::vector<std::string> moved;
    };
    /** Only for taken directories. */
    std::unique_ptr<Rest> rest;
  };

  void park();
  bool reopen(int from, const char* path, Parked& parked);

  std::deque<Parked> parked_;
  std::deque<Frame> open_;
  /** The first directory, once it is parked. */
  Fd first_;
};

}  // namespace guestns
