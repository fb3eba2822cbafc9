// Copies skeletons into a home, and an overlay's layers. Follows no symbolic link, opens no device, runs no program,
// replaces no file.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>

#include "guestns.h"

namespace guestns {

struct Owner {
  uid_t uid;
  gid_t gid;
};

/** Sets owner, permission bits (no setuid, setgid, sticky) and times; the owner first, as chown(2) clears bits. */
void give_attributes(const Fd& fd, const struct stat& from, std::optional<Owner> owner, const char* step,
                     const std::string& path);

/**
 * Copies trees into one; the limits apply to all together. Keeps holes, hard links within a tree, and supported ACLs
 * and user attributes.
 */
class TreeCopy {
 public:
  /**
   * @param step its name in failures
   * @param owner of everything created; empty keeps the owners of the source
   */
  TreeCopy(const char* step, std::optional<Owner> owner, const Cancelled& cancelled)
      : step_(step), owner_(owner), cancelled_(cancelled) {}

  /**
   * Copies files, directories and symbolic links in `from` into `to`. Existing names stay, directories merge.
   * @throws Failure ELOOP (too deep), E2BIG (too many), EINVAL (FIFO, socket, device), ENOSPC, ... with the file's path
   */
  void copy(const Fd& from, const Fd& to, const std::string& path);

  /** "PATH: ATTRIBUTE" of what was not copied; at most 20, then "and N more". */
  std::vector<std::string> dropped() const;

 private:
  void copy_directory(const Fd& from, const Fd& to, const std::string& path, int depth);
  void copy_entry(const Fd& from, const Fd& to, const char* name, const std::string& path, int depth);
  void enter_directory(const Fd& from, const Fd& to, const char* name, const std::string& path, int depth);
  void copy_file(const Fd& from, const Fd& to, const char* name, const std::string& path);
  bool copy_hard_link(const struct stat& found, const Fd& to, const char* name, const std::string& path);
  void copy_bytes(const Fd& from, const Fd& to, off_t size, const std::string& path);
  void copy_attributes(const Fd& from, const Fd& to, const std::string& path);
  void copy_attribute(const Fd& from, const Fd& to, const std::string& name, const std::string& path);
  void copy_link(const Fd& from, const Fd& to, const char* name, const std::string& path);
  off_t seek(const Fd& file, off_t offset, int whence, const std::string& path);
  [[noreturn]] void fail_write(const std::string& path, int error);
  void stop_when_cancelled(const std::string& path);

  const char* step_;
  std::optional<Owner> owner_;
  const Cancelled& cancelled_;
  int entries_ = 0;
  std::vector<std::string> dropped_;
  // Of the current tree: its copy, its path, and the first name of each hard-linked file.
  const Fd* root_ = nullptr;
  std::string top_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

}  // namespace guestns
