// Finds files by descriptor, so that what was checked is what is used.
// No function here follows a symbolic link or makes anything.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "guestns.h"

namespace guestns {

/**
 * Opens an absolute path; an empty Fd when it does not exist.
 * @param flags beside O_CLOEXEC; O_PATH opens no device and wakes no FIFO
 * @throws Failure ELOOP when a symbolic link is in the path, or what openat2(2) says
 */
Fd find_path(const std::string& path, const char* step, int flags = O_PATH);

/** As find_path, but a missing path is a Failure ENOENT. */
Fd open_path(const std::string& path, const char* step, int flags = O_PATH);

/** As find_path, for a relative path that must not leave `dir`. `shown` is the path a failure names. */
Fd find_beneath(const Fd& dir, const std::string& relative, const char* step, const std::string& shown,
                int flags = O_PATH);

/** Whether a descriptor, O_PATH included, is of a directory: what the kernel knows, without asking a file server that may be away. */
bool is_directory(const Fd& fd, const char* step, const std::string& path);

/** fstat(2) of a descriptor, O_PATH included. A file server is asked. */
struct stat stat_fd(const Fd& fd, const char* step, const std::string& path);

}  // namespace guestns
