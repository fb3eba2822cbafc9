// Finds the files of one user below some directories, and takes them away.
// Opens nothing but directories, follows no symbolic link and crosses no mount.
#pragma once

#include <chrono>

#include "guestns.h"
#include "swept_directories.h"

namespace guestns {

struct SweptFiles {
  /** Files and directories of the user. */
  uint64_t found = 0;
  /** Of these taken away, or given to root where something of somebody else's is in it. */
  uint64_t removed = 0;
  /** A path, or a path and why, of what stays and of what could not be looked at; the last may be "and N more". */
  std::vector<std::string> left;
  /**
   * False when a bound was met or a directory could not be read. Not for what is deep or unreadable below a directory that is neither
   * root's nor the user's: anybody could make such a tree, and the user has nothing there unless its owner has let him.
   */
  bool whole = true;
};

/**
 * @param directories of all sweeps of this process
 * @param paths absolute; one that does not exist is passed over. The directory that a path names stays, as root's if it was the user's.
 * @param remove takes what is found away; what changes meanwhile is no failure
 * @param limit for all of it; it is less than whole then
 * @throws Failure ECANCELED
 */
SweptFiles sweep_files(SweptDirectories& directories, const std::vector<std::string>& paths, uid_t uid, bool remove,
                       std::chrono::milliseconds limit, const Cancelled& cancelled);

}  // namespace guestns
