// The mounts that a view inherits from its base: those about to be covered are unmounted first. Touches no mount of the
// host's: the thread is in the view's namespace, which is the host's slave.
#pragma once

#include <string>
#include <vector>

#include "guestns.h"

namespace guestns {

/**
 * A covered mount is invisible but still active: its disk stays busy. An automount point covered in a view can neither
 * expire nor be mounted again on the host. Every process of the host that looks at it hangs.
 */
class BaseMounts {
 public:
  /**
   * Reads them once.
   * @param thread_directory this thread's directory of /proc, which is in the view's namespace already
   * @param fd_directory this thread's /proc/thread-self/fd; lives as long as this object
   */
  BaseMounts(const Fd& thread_directory, const Fd& fd_directory);

  /** Reports a mount of the plan: base mounts that contain one stay. */
  void attached(const std::string& path) { attached_.push_back(path); }

  /** Unmounts everything at a path or below it. */
  void detach_within(const std::string& path);

  /** The same, where a copy with the same mounts below it is about to be attached. */
  void detach_original(const std::string& path);

  /**
   * Unmounts automount points, and what is mounted on them, in a private copy of `original` attached at `copy`: nothing
   * would be mounted there, and they would not expire.
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
