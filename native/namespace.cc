// Builds a view. Must run in a thread of its own. Undoes nothing: what it makes ends with the thread and its
// descriptors.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <optional>

#include "base_mounts.h"
#include "mount_ops.h"
#include "overlay.h"
#include "paths.h"
#include "tree_copy.h"
#include "view.h"

namespace guestns {
namespace {

// Later steps may create mount points in it.
const TmpfsOptions kEmptyDirectory = {"4k", 1024, 0755, true};

constexpr const char* kMadeInside = "it is made only inside a tmpfs of the plan";

/** Triggers an automount. Empty when missing and optional. */
Fd open_content(const std::string& path, bool optional, const char* step) {
  const auto open_as = [&](int flags) { return optional ? find_path(path, step, flags) : open_path(path, step, flags); };
  const Fd found = open_as(O_PATH);
  if (!found) return Fd();
  return open_as(is_directory(found, step, path) ? O_PATH | O_DIRECTORY : O_PATH);
}

/** Other users may write to its directory: files of other types and users are ignored. */
Fd find_socket(const SocketStep& step) {
  try {
    Fd found = find_path(step.target, "socket", O_PATH | O_NOFOLLOW);
    if (!found) return Fd();
    const struct stat file = stat_fd(found, "socket", step.target);
    return S_ISSOCK(file.st_mode) && (file.st_uid == 0 || file.st_uid == step.uid) ? std::move(found) : Fd();
  } catch (const Failure&) {
    return Fd();
  }
}

class ViewBuilder {
 public:
  ViewBuilder(const Plan& plan, const std::string& label, const Cancelled& cancelled)
      : plan_(plan), label_(label), cancelled_(cancelled) {}

  View build(const Fd& leader, const Fd& reaper) {
    for (const auto& step : plan_)
      if (const auto* keep = std::get_if<KeepStep>(&step)) view_.kept = find_path(keep->target, "keep", O_PATH | O_DIRECTORY);
    enter(leader);
    if (reaper || has_queues()) view_.ipc = isolation_leave_ipc(proc_);
    if (reaper) isolate(leader, reaper);
    // Attaches none yet: one over /tmp or /home would hide the sources of later steps.
    for (const auto& step : plan_) detached_.push_back(std::visit([&](const auto& s) { return create(s); }, step));
    for (size_t i = 0; i < plan_.size(); i++) {
      if (cancelled_) fail("attach", "", ECANCELED);
      std::visit([&](const auto& s) { attach(s, std::move(detached_[i])); }, plan_[i]);
    }
    for (const auto& mount : to_seal_) mount_seal(mount.first, mount.second);
    return std::move(view_);
  }

 private:
  void enter(const Fd& leader);
  void isolate(const Fd& leader, const Fd& reaper);
  bool has_queues() const {
    return std::any_of(plan_.begin(), plan_.end(), [](const Step& step) { return std::holds_alternative<MqueueStep>(step); });
  }
  /** Empty shows this process's own PID namespace. */
  Fd take_context(const char* type) { return view_.isolation ? view_.isolation->take_context(type) : Fd(); }

  Fd create(const TmpfsStep& step);
  Fd create(const ProcStep& step) { return mount_make_proc(step, take_context("proc")); }
  Fd create(const MqueueStep& step) { return mount_make_mqueue(step); }
  Fd create(const DevptsStep& step) { return mount_make_devpts(step); }
  Fd create(const MkdirStep&) { return Fd(); }
  Fd create(const SocketStep& step);
  Fd create(const OverlayStep& step) { return overlay_create(step, fd_directory_, label_, cancelled_); }
  Fd create(const BindStep& step);
  // Made when attached, from the view. A copy of the base's /srv would lift a mask over /srv/secret.
  Fd create(const HideStep&) { return Fd(); }
  Fd create(const ReadonlyStep&) { return Fd(); }
  Fd create(const KeepStep&) { return Fd(); }

  void attach(const TmpfsStep& step, Fd mount);
  void attach(const ProcStep& step, const Fd& mount) { attach_at(step.target, false, mount); }
  void attach(const MqueueStep& step, const Fd& mount) { attach_at(step.target, step.optional, mount); }
  void attach(const DevptsStep& step, const Fd& mount) { attach_at(step.target, false, mount); }
  void attach(const MkdirStep& step, const Fd&);
  void attach(const SocketStep& step, const Fd& mount);
  void attach(const OverlayStep& step, const Fd& mount);
  void attach(const BindStep& step, const Fd& mount);
  void attach(const HideStep& step, const Fd&);
  void attach(const ReadonlyStep& step, const Fd&);
  void attach(const KeepStep&, const Fd&) {}

  Fd find_mount_point(const std::string& target, bool optional);
  Fd make_mount_point(const std::string& target, bool directory);
  void attach_at(const std::string& target, bool optional, const Fd& mount);
  void attach_over(const Fd& mount, const Fd& mount_point, const std::string& target);
  void skip(const std::string& target) { view_.skipped.push_back(target); }
  bool is_own(const Fd& file, const std::string& path) const;
  dev_t remember_device(const Fd& mount, const std::string& target);

  const Plan& plan_;
  const std::string& label_;
  const Cancelled& cancelled_;
  Fd proc_;
  Fd fd_directory_;
  std::optional<BaseMounts> base_;
  std::vector<Fd> detached_;
  std::vector<std::pair<Fd, std::string>> to_seal_;
  std::vector<dev_t> own_devices_;
  View view_;
};

void ViewBuilder::enter(const Fd& leader) {
  // Safe: root, working directory and umask of this thread alone. setns(2) refuses threads that share them.
  check(unshare(CLONE_FS), "unshare", "");
  umask(0);
  // guestd's own, opened before the leader's tree matters.
  proc_ = Fd(check(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), "open", "/proc"));
  const Fd self(check(openat(proc_.get(), "thread-self", O_PATH | O_DIRECTORY | O_CLOEXEC), "open", "/proc/thread-self"));
  fd_directory_ = Fd(check(openat(self.get(), "fd", O_PATH | O_DIRECTORY | O_CLOEXEC), "open", "/proc/thread-self/fd"));
  // Safe: by pidfd, so no reused PID. Returns ESRCH if it has ended.
  check(setns(leader.get(), CLONE_NEWNS), "setns", "");
  // Safe: a copy of the leader's tree, only for this thread.
  check(unshare(CLONE_NEWNS), "unshare", "");
  mount_make_all_slave();
  view_.mount_namespace = Fd(check(openat(self.get(), "ns/mnt", O_RDONLY | O_CLOEXEC), "open", "/proc/thread-self/ns/mnt"));
  view_.inode = stat_fd(view_.mount_namespace, "fstat", "/proc/thread-self/ns/mnt").st_ino;
  base_.emplace(self, fd_directory_);
}

void ViewBuilder::isolate(const Fd& leader, const Fd& reaper) {
  std::vector<const char*> types;
  for (const auto& step : plan_)
    if (std::holds_alternative<ProcStep>(step)) types.push_back("proc");
  view_.isolation = isolation_start(leader, reaper, proc_, types);
}

Fd ViewBuilder::create(const TmpfsStep& step) {
  Fd mount = mount_make_tmpfs({step.size, step.inodes, step.mode, step.noexec}, label_, step.target);
  const Fd root(check(openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", step.target));
  TreeCopy tree("skeleton", Owner{step.uid, step.gid}, cancelled_);
  for (auto skeleton = step.skeletons.rbegin(); skeleton != step.skeletons.rend(); ++skeleton) {
    const Fd source = find_path(*skeleton, "skeleton", O_RDONLY | O_DIRECTORY);
    if (source) tree.copy(source, root, *skeleton);
  }
  for (auto& attribute : tree.dropped()) view_.dropped.push_back(std::move(attribute));
  // Safe: the tmpfs is still invisible. Done last: the owner gets all of it or nothing.
  check(fchown(root.get(), step.uid, step.gid), "fchown", step.target);
  return mount;
}

Fd ViewBuilder::create(const BindStep& step) {
  const Fd source = open_content(step.source, step.optional, "bind");
  return source ? mount_clone(source, step.readonly, step.source) : Fd();
}

Fd ViewBuilder::create(const SocketStep& step) {
  const Fd socket = find_socket(step);
  return socket ? mount_clone(socket, true, step.target) : Fd();
}

void ViewBuilder::attach(const TmpfsStep& step, Fd mount) {
  base_->detach_within(step.target);
  const Fd mount_point = step.create ? make_mount_point(step.target, true) : find_mount_point(step.target, step.optional);
  if (!mount_point) {
    if (!step.optional) fail("attach", step.target, ENOENT, kMadeInside);
    return skip(step.target);
  }
  attach_over(mount, mount_point, step.target);
  const dev_t device = remember_device(mount, step.target);
  view_.tmpfs.push_back({step.target, std::to_string(major(device)) + ":" + std::to_string(minor(device))});
  if (step.readonly) to_seal_.emplace_back(std::move(mount), step.target);
}

void ViewBuilder::attach(const MkdirStep& step, const Fd&) {
  const Fd directory = make_mount_point(step.target, true);
  if (!directory || !is_own(directory, step.target)) return skip(step.target);
  // Safe: in a tmpfs of this plan, without symbolic links. No process is in the view yet.
  check(fchmodat(directory.get(), ".", step.mode, 0), "mkdir", step.target);
}

void ViewBuilder::attach(const SocketStep& step, const Fd& mount) {
  const Fd mount_point = mount ? make_mount_point(step.target, false) : Fd();
  if (!mount_point || !is_own(mount_point, step.target)) return skip(step.target);
  attach_over(mount, mount_point, step.target);
}

void ViewBuilder::attach(const OverlayStep& step, const Fd& mount) {
  if (!mount) return skip(step.target);
  attach_at(step.target, false, mount);
}

void ViewBuilder::attach(const BindStep& step, const Fd& mount) {
  if (!mount) return skip(step.target);
  base_->detach_within(step.target);
  const bool directory = is_directory(mount, "bind", step.source);
  const Fd mount_point = step.create ? make_mount_point(step.target, directory) : find_mount_point(step.target, step.optional);
  if (!mount_point && step.create) fail("attach", step.target, ENOENT, kMadeInside);
  if (!mount_point) return skip(step.target);
  attach_over(mount, mount_point, step.target);
  if (step.readonly) base_->detach_automounts(step.source, step.target);
}

void ViewBuilder::attach(const HideStep& step, const Fd&) {
  base_->detach_within(step.target);
  const Fd mount_point = find_mount_point(step.target, step.optional);
  if (!mount_point) return skip(step.target);
  if (!is_directory(mount_point, "hide", step.target)) {
    const std::string parent = step.target.substr(0, std::max<size_t>(step.target.rfind('/'), 1));
    const Fd directory = open_path(parent, "hide", O_PATH | O_DIRECTORY);
    return attach_over(mount_make_empty_file(directory, fd_directory_, label_, step.target), mount_point, step.target);
  }
  Fd mount = mount_make_tmpfs(kEmptyDirectory, label_, step.target);
  attach_over(mount, mount_point, step.target);
  remember_device(mount, step.target);
  to_seal_.emplace_back(std::move(mount), step.target);
}

void ViewBuilder::attach(const ReadonlyStep& step, const Fd&) {
  const Fd content = open_content(step.target, step.optional, "attach");
  if (!content) return skip(step.target);
  const Fd copy = mount_clone_readonly(content, step.target);
  base_->detach_original(step.target);
  attach_over(copy, open_path(step.target, "attach"), step.target);
  base_->detach_automounts(step.target, step.target);
}

void ViewBuilder::attach_at(const std::string& target, bool optional, const Fd& mount) {
  base_->detach_within(target);
  const Fd mount_point = find_mount_point(target, optional);
  if (!mount_point) return skip(target);
  attach_over(mount, mount_point, target);
}

void ViewBuilder::attach_over(const Fd& mount, const Fd& mount_point, const std::string& target) {
  mount_attach(mount, mount_point, target);
  base_->attached(target);
}

Fd ViewBuilder::find_mount_point(const std::string& target, bool optional) {
  return optional ? find_path(target, "attach") : open_path(target, "attach");
}

/** Empty where it would be created outside the plan's tmpfs. */
Fd ViewBuilder::make_mount_point(const std::string& target, bool directory) {
  Fd mount_point = open_path("/", "attach", O_PATH | O_DIRECTORY);
  std::string walked;
  for (const auto& name : path_names(target)) {
    walked += "/" + name;
    Fd next = find_beneath(mount_point, name, "attach", walked);
    if (!next) {
      if (!is_own(mount_point, walked)) return Fd();
      // Safe: a new name in a tmpfs of this plan. No process is in the view yet.
      if (directory || walked != target) check(mkdirat(mount_point.get(), name.c_str(), 0755), "mkdir", walked);
      else check(mknodat(mount_point.get(), name.c_str(), S_IFREG | 0444, 0), "mknod", walked);
      next = find_beneath(mount_point, name, "attach", walked);
    }
    mount_point = std::move(next);
  }
  return mount_point;
}

bool ViewBuilder::is_own(const Fd& file, const std::string& path) const {
  const dev_t device = stat_fd(file, "attach", path).st_dev;
  return std::find(own_devices_.begin(), own_devices_.end(), device) != own_devices_.end();
}

dev_t ViewBuilder::remember_device(const Fd& mount, const std::string& target) {
  own_devices_.push_back(stat_fd(mount, "fstat", target).st_dev);
  return own_devices_.back();
}

}  // namespace

View build_view(const Fd& leader, const Plan& plan, const std::string& label, const Fd& reaper, const Cancelled& cancelled) {
  check_plan(plan);
  check_label(label);
  return ViewBuilder(plan, label, cancelled).build(leader, reaper);
}

}  // namespace guestns
