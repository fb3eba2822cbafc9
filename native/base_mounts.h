// The mounts that a view has from its base: those that something is about to cover are taken off first.
// Touches no mount of the host's: the thread is in the view's namespace, which is its slave.
#pragma once

#include <string>
#include <vector>

#include "guestns.h"

namespace guestns {

/**
 * A mount that is covered is out of sight, but it goes on: its disk stays busy, and an automount point that is covered in a view
 * can neither expire nor be mounted again on the host, where whoever looks at it hangs.
 */
class BaseMounts {
 public:
  /**
   * Reads them once.
   * @param thread_directory this thread's directory of /proc, which is in the view's namespace already
   * @param fd_directory this thread's /proc/thread-self/fd; lives as long as this object
   */
  BaseMounts(const Fd& thread_directory, const Fd& fd_directory);

  /** To be told of each mount of the plan: what carries one stays. */
  void attached(const std::string& path) { attached_.push_back(path); }

  /** Takes off all that is mounted at a path or below it. */
  void detach_within(const std::string& path);

  /** The same, where a copy is about to be attached that has the same mounts below it. */
  void detach_original(const std::string& path);

  /**
   * Takes off the automount points, and what is mounted on them, in a private copy of `original` that is attached at `copy`:
   * nothing would be mounted there, and they would not expire.
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
