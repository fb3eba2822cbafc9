// Finds files by descriptor, so the checked file is the one used. Follows no symbolic link, and creates nothing.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "guestns.h"

namespace guestns {

/**
 * Opens an absolute path; an empty Fd when it does not exist.
 * @param flags besides O_CLOEXEC; O_PATH opens no device or FIFO
 * @throws Failure ELOOP for a symbolic link in the path, or openat2(2)'s error
 */
Fd find_path(const std::string& path, const char* step, int flags = O_PATH);

/** Like find_path, but a missing path is a Failure ENOENT. */
Fd open_path(const std::string& path, const char* step, int flags = O_PATH);

/** Like find_path, for a relative path that must not leave `dir`. Failures name `shown`. */
Fd find_beneath(const Fd& dir, const std::string& relative, const char* step, const std::string& shown,
                int flags = O_PATH);

/** Whether a descriptor, O_PATH included, is of a directory. Sends no request to a file server, which may be down. */
bool is_directory(const Fd& fd, const char* step, const std::string& path);

/** fstat(2), O_PATH included. Sends a request to a file server. */
struct stat stat_fd(const Fd& fd, const char* step, const std::string& path);

}  // namespace guestns
