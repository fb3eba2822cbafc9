// Unmounts inherited mounts before the plan covers them. Touches no mount of the host's: the view's namespace is its
// slave.
#pragma once

#include <string>
#include <vector>

#include "guestns.h"

namespace guestns {

/**
 * A covered mount is invisible but active, and its disk stays busy. A covered automount point can neither expire nor be
 * mounted again on the host: processes that look at it hang.
 */
class BaseMounts {
 public:
  /**
   * Reads them once.
   * @param thread_directory this thread's in /proc, already in the view's namespace
   * @param fd_directory this thread's /proc/thread-self/fd; must outlive this object
   */
  BaseMounts(const Fd& thread_directory, const Fd& fd_directory);

  /** Reports a mount of the plan: base mounts that contain one stay. */
  void attached(const std::string& path) { attached_.push_back(path); }

  /** Unmounts everything at a path or below it. */
  void detach_within(const std::string& path);

  /** The same, before a copy with the same mounts is attached. */
  void detach_original(const std::string& path);

  /**
   * Unmounts automount points, and what is on them, in a private copy of `original` at `copy`: they would never mount
   * or expire.
   */
  void detach_automounts(const std::string& original, const std::string& copy);

 private:
  bool carries_plan(const std::string& mount_point) const;
  void detach_top(const std::string& path);

  const Fd& fd_directory_;
  std::vector<std::string> mount_points_;
  std::vector<std::string> automount_points_;
  std::vector<std::string> attached_;
};

}  // namespace guestns
