// Finds the files of users below directories, and removes them. Opens only directories, follows no symbolic link and
// crosses no mount.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <map>
#include <unordered_set>

#include "guestns.h"
#include "swept_directories.h"
#include "way_down.h"

namespace guestns {

struct SweptOwner {
  uint64_t found = 0;
  /** Removed, or given to root where it contains files of others. */
  uint64_t removed = 0;
  /** Paths that stay, perhaps with the reason. */
  std::vector<std::string> left;
  /** How many paths are not in `left`. */
  uint64_t more = 0;
};

/** A look's findings for one user. */
struct SweptFiles {
  uint64_t found = 0;
  uint64_t removed = 0;
  /** What stays, and what could not be read. The last may be "and N more". */
  std::vector<std::string> left;
  /** Paths below which the user may have more files. */
  std::vector<std::string> unseen;
};

struct WalkProgress {
  bool done = false;
  uint64_t names = 0;
  std::map<uid_t, SweptOwner> owners;
  /** Unreadable paths, with reasons: users may have files there. */
  std::vector<std::string> unread;
};

class FileWalk {
 public:
  enum class Depth {
    /** What users could write themselves. Skips others' read-only directories, and too many files of others. */
    kLook,
    kWhole,
  };

  /**
   * @param directories of all sweeps of this process
   * @param paths absolute; missing ones are skipped. A path itself stays, as root's if it was a user's.
   * @param remove removes findings; concurrent changes are no failure
   */
  FileWalk(SweptDirectories& directories, std::vector<std::string> paths, std::unordered_set<uid_t> uids, bool remove, Depth depth)
      : directories_(directories), paths_(std::move(paths)), uids_(std::move(uids)), remove_(remove), depth_(depth) {}

  /**
   * Begins or continues the walk.
   * @return whether it is done
   * @throws Failure ECANCELED; ENFILE, EMFILE, ENOMEM; ELOOP: endlessly nested directories
   */
  bool go_on(std::chrono::milliseconds limit, const Cancelled& cancelled);

  WalkProgress progress() const { return {way_.empty() && next_ == paths_.size(), names_, owners_, unread_}; }

  /** The paths that the walk has not completely seen. */
  std::vector<std::string> unseen() const;

 private:
  using Clock = std::chrono::steady_clock;

  void start(const std::string& path);
  void enter(Fd dir, const std::string& name);
  void leave();
  void visit(const std::string& name);
  void visit_directory(const std::string& name, bool foreign);
  void take_file(const std::string& name, uid_t owner);
  bool take_directory(const Fd& dir, const std::string& name, uid_t owner);
  bool read_name(std::string* name);
  bool move_up(const std::string& name);
  bool has_seen_enough() const;
  void stays(uid_t owner, const std::string& name, const std::string& why = "");
  void unreadable(const std::string& name, int error, bool foreign);
  std::string path_of(const std::string& name) const;

  bool is_ours(uid_t uid) const { return uids_.count(uid) > 0; }
  bool is_taken(const struct stat& found) const;
  bool is_foreign(const struct stat& found) const;
  bool in_foreign() const { return !way_.empty() && way_.last().foreign; }

  SweptDirectories& directories_;
  const std::vector<std::string> paths_;
  const std::unordered_set<uid_t> uids_;
  const bool remove_;
  const Depth depth_;

  /** Index of the next path, after the current one. */
  size_t next_ = 0;
  /** The path without its mounts: nothing can be hidden below a mount. */
  Fd tree_;
  WayDown way_;
  uint64_t moved_ = 0;
  /** In this path: names of others, and the last finding or removal. */
  uint64_t others_ = 0;
  Clock::time_point last_found_;
  std::vector<bool> unseen_ = std::vector<bool>(paths_.size(), false);

  uint64_t names_ = 0;
  std::map<uid_t, SweptOwner> owners_;
  std::vector<std::string> unread_;
};

/**
 * Looks for the files of one user, bounded by time and by files of others.
 * @throws Failure as FileWalk::go_on
 */
SweptFiles sweep_files(SweptDirectories& directories, const std::vector<std::string>& paths, uid_t uid, bool remove,
                       std::chrono::milliseconds limit, const Cancelled& cancelled);

}  // namespace guestns
