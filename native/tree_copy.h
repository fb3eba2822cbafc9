// Copies directories by descriptor: skeletons into a home, and an overlay's layers.
// Follows no symbolic link, opens no device, runs no program, and never replaces what is there already.
#pragma once

#include <sys/stat.h>

#include <optional>

#include "guestns.h"

namespace guestns {

struct Owner {
  uid_t uid;
  gid_t gid;
};

/** Gives owner, permission bits (no setuid, setgid, sticky) and times; the owner first, as chown(2) clears bits. */
void give_attributes(const Fd& fd, const struct stat& from, std::optional<Owner> owner, const char* step,
                     const std::string& path);

/** One or more trees copied into one; the limits count for all of them together. */
class TreeCopy {
 public:
  /**
   * @param step what failures call it
   * @param owner of everything that is made; nothing keeps the owners of the source
   */
  TreeCopy(const char* step, std::optional<Owner> owner, const Cancelled& cancelled)
      : step_(step), owner_(owner), cancelled_(cancelled) {}

  /**
   * Copies what is in `from` into `to`: files, directories, symbolic links. A name that exists stays, directories merge.
   * @throws Failure ELOOP (too deep), E2BIG (too many), EINVAL (FIFO, socket, device), ENOSPC, ... with the file's path
   */
  void copy(const Fd& from, const Fd& to, const std::string& path) { copy_directory(from, to, path, 1); }

 private:
  void copy_directory(const Fd& from, const Fd& to, const std::string& path, int depth);
  void copy_entry(const Fd& from, const Fd& to, const char* name, const std::string& path, int depth);
  void enter_directory(const Fd& from, const Fd& to, const char* name, const std::string& path, int depth);
  void copy_file(const Fd& from, const Fd& to, const char* name, const std::string& path);
  void copy_bytes(const Fd& from, const Fd& to, const std::string& path);
  void copy_link(const Fd& from, const Fd& to, const char* name, const std::string& path);
  [[noreturn]] void fail_write(const std::string& path, int error);
  void stop_when_cancelled(const std::string& path);

  const char* step_;
  std::optional<Owner> owner_;
  const Cancelled& cancelled_;
  int entries_ = 0;
};

}  // namespace guestns
