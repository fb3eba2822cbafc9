// The system calls on mounts. Takes descriptors from paths.cc; paths only name failures.
#include "mount_ops.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "paths.h"

namespace guestns {
namespace {

// Debian's group "tty" (base-passwd). The file system cannot look it up.
constexpr const char* kTty = "5";
constexpr const char* kNoSwap = "noswap";

class FsContext {
 public:
  /** @param opened by fsopen(2) in other namespaces; empty to open one here */
  FsContext(const char* type, const std::string& target, Fd opened = Fd(), const std::string& source = "guestd")
      : type_(type), target_(target), fs_(std::move(opened)) {
    // Safe: a context is private to its descriptor. Nothing is mounted.
    if (!fs_) fs_ = Fd(check(fsopen(type, FSOPEN_CLOEXEC), step("fsopen").c_str(), target_));
    set("source", source);
  }

  void set(const char* key, const std::string& value) {
    // Safe: checked with the plan. One call sets one option, so a comma cannot add another.
    if (fsconfig(fs_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) < 0) fail_with_log("fsconfig", errno);
  }

  bool set_where_known(const char* flag) {
    // Safe: as set(). An unknown flag is EINVAL and changes nothing.
    if (fsconfig(fs_.get(), FSCONFIG_SET_FLAG, flag, nullptr, 0) == 0) return true;
    if (errno != EINVAL) fail_with_log("fsconfig", errno);
    read_log();
    return false;
  }

  Fd mount(unsigned attributes) {
    // Safe: the superblock belongs to no namespace yet.
    if (fsconfig(fs_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) fail_with_log("fsconfig", errno);
    // Safe: the mount is detached, and ends with its descriptor.
    const int mount = fsmount(fs_.get(), FSMOUNT_CLOEXEC, attributes);
    if (mount < 0) fail_with_log("fsmount", errno);
    return Fd(mount);
  }

 private:
  std::string step(const char* call) const { return std::string(call) + " " + type_; }

  [[noreturn]] void fail_with_log(const char* call, int error) { fail(step(call), target_, error, read_log()); }

  /** The file system's messages, one for each read (fsopen(2)). */
  std::string read_log() {
    std::string log;
    char message[256];
    ssize_t length;
    while ((length = read(fs_.get(), message, sizeof message)) > 0) {
      if (!log.empty()) log += "; ";
      log.append(message, static_cast<size_t>(length));
      while (!log.empty() && log.back() == '\n') log.pop_back();
    }
    return log;
  }

  const char* type_;
  const std::string& target_;
  Fd fs_;
};

std::string octal(mode_t mode) {
  char text[16];
  snprintf(text, sizeof text, "%o", mode);
  return text;
}

Fd tree_clone(const Fd& tree, const std::string& path) {
  // Safe: a detached copy of the opened file, whatever its path is now.
  return Fd(check(open_tree(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
                  "open_tree", path));
}

void set_attributes(const Fd& mount, unsigned flags, uint64_t set, uint64_t propagation, const std::string& path) {
  struct mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.propagation = propagation;
  // Safe: only removes rights, from this namespace's mounts or detached ones.
  check(mount_setattr(mount.get(), "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes), "mount_setattr", path);
}

}  // namespace

Fd mount_make_tmpfs(const TmpfsOptions& options, const std::string& label, const std::string& target) {
  FsContext fs("tmpfs", target, Fd(), label);
  fs.set("size", options.size);
  if (options.inodes > 0) fs.set("nr_inodes", std::to_string(options.inodes));
  fs.set("mode", octal(options.mode));
  fs.set("uid", "0");
  fs.set("gid", "0");
  fs.set_where_known(kNoSwap);
  return fs.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (options.noexec ? MOUNT_ATTR_NOEXEC : 0U));
}

bool mount_knows_noswap() {
  // Safe: the context is closed unused.
  Fd context(fsopen("tmpfs", FSOPEN_CLOEXEC));
  // If fsopen(2) fails, no view is built, so nothing of a guest's is swapped out.
  return !context || FsContext("tmpfs", "", std::move(context)).set_where_known(kNoSwap);
}

Fd mount_make_proc(const ProcStep& step, Fd context) {
  FsContext fs("proc", step.target, std::move(context));
  fs.set("hidepid", step.hidepid);
  return fs.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

Fd mount_make_mqueue(const MqueueStep& step) {
  FsContext fs("mqueue", step.target);
  return fs.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

Fd mount_make_devpts(const DevptsStep& step) {
  FsContext fs("devpts", step.target);
  fs.set("ptmxmode", octal(0666));
  fs.set("mode", octal(0620));
  fs.set("gid", kTty);
  return fs.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

Fd mount_make_overlay(const std::vector<const Fd*>& layers, const Fd& fd_directory, const std::string& target) {
  std::string names;
  for (const Fd* layer : layers) names += (names.empty() ? "" : ":") + std::to_string(layer->get());
  // By descriptor, so the checked layers are used, and no path needs quoting. Relative to this directory, as an option
  // holds 256 bytes. The working directory is this thread's own.
  check(fchdir(fd_directory.get()), "fchdir", target);
  FsContext fs("overlay", target);
  fs.set("lowerdir", names);
  // A layer's extended attributes must not lead outside it.
  fs.set("redirect_dir", "nofollow");
  fs.set("metacopy", "off");
  Fd mount = fs.mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  check(chdir("/"), "chdir", "/");
  return mount;
}

Fd mount_clone(const Fd& source, bool readonly, const std::string& path) {
  Fd mount = tree_clone(source, path);
  // The host's later mounts below a slave appear writable, so a read-only copy is private.
  set_attributes(mount, AT_RECURSIVE, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (readonly ? MOUNT_ATTR_RDONLY : 0U),
                 readonly ? MS_PRIVATE : 0, path);
  return mount;
}

Fd mount_clone_readonly(const Fd& mount_point, const std::string& path) {
  Fd mount = tree_clone(mount_point, path);
  set_attributes(mount, AT_RECURSIVE, MOUNT_ATTR_RDONLY, MS_PRIVATE, path);
  return mount;
}

Fd mount_make_empty_file(const Fd& directory, const Fd& fd_directory, const std::string& label, const std::string& target) {
  Fd tmpfs = mount_make_tmpfs({"4k", 2, 0755, true}, label, target);
  // Safe: a new name in a tmpfs that no other process can reach.
  Fd file(check(openat(tmpfs.get(), "empty", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444), "open", target));
  file.reset();
  mount_attach(tmpfs, directory, target);
  Fd mount = tree_clone(Fd(check(openat(tmpfs.get(), "empty", O_PATH | O_NOFOLLOW | O_CLOEXEC), "open", target)), target);
  mount_detach(tmpfs, fd_directory, target);
  mount_seal(mount, target);
  return mount;
}

void mount_attach(const Fd& mount, const Fd& mount_point, const std::string& target) {
  const bool is_directory_below = is_directory(mount_point, "attach", target);
  const bool mount_is_directory = is_directory(mount, "attach", target);
  if (mount_is_directory && !is_directory_below) fail("attach", target, ENOTDIR, "the mount point must be a directory");
  if (!mount_is_directory && is_directory_below) fail("attach", target, EISDIR, "the mount point must be a file");
  // Safe: the namespace is this thread's own and a slave. The mount point was found without symbolic links.
  check(move_mount(mount.get(), "", mount_point.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), "move_mount",
        target);
}

void mount_detach(const Fd& mount, const Fd& fd_directory, const std::string& target) {
  check(fchdir(fd_directory.get()), "fchdir", target);
  // Safe: this thread attached the mount, and its fd directory leads nowhere else.
  check(umount2(std::to_string(mount.get()).c_str(), MNT_DETACH), "umount", target);
  check(chdir("/"), "chdir", "/");
}

void mount_remove(const std::string& path) {
  // Safe: only root can change these paths, and a final link is not followed.
  if (umount2(path.c_str(), UMOUNT_NOFOLLOW) < 0) fail("umount2", path, errno);
}

void mount_seal(const Fd& mount, const std::string& target) { set_attributes(mount, 0, MOUNT_ATTR_RDONLY, 0, target); }

void mount_make_all_slave() {
  struct mount_attr attributes = {};
  attributes.propagation = MS_SLAVE;
  // Safe: after unshare(CLONE_NEWNS), so only this thread's copy changes.
  check(mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof attributes), "mount_setattr", "/");
}

}  // namespace guestns
