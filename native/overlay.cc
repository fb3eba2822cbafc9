// Assembles an overlay, from the top: whiteouts, layers over the target, the target, layers below it. Trusts no layer:
// each is opened once, checked, and used by that descriptor.
#include "overlay.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "mount_ops.h"
#include "paths.h"
#include "tree_copy.h"

namespace guestns {
namespace {

constexpr const char* kStep = "overlay";
constexpr const char* kLayerStep = "overlay layer";

struct Layer {
  std::string path;
  Fd directory;
};

void check_layer(const Layer& layer) {
  const struct stat found = stat_fd(layer.directory, kLayerStep, layer.path);
  // CVE-2023-0386, CVE-2021-3493: only root may influence what overlayfs reads.
  if (found.st_uid != 0) fail(kLayerStep, layer.path, EPERM, "it must belong to root");
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) fail(kLayerStep, layer.path, EPERM, "only root may write to it");
}

std::vector<Layer> open_layers(const std::vector<std::string>& paths) {
  std::vector<Layer> layers;
  for (const auto& path : paths) {
    Layer layer{path, find_path(path, kLayerStep, O_RDONLY | O_DIRECTORY)};
    if (!layer.directory) continue;
    check_layer(layer);
    layers.push_back(std::move(layer));
  }
  return layers;
}

Fd make_directory_like(const Fd& parent, const std::string& name, const struct stat& like, const std::string& shown) {
  if (mkdirat(parent.get(), name.c_str(), 0700) < 0) {
    if (errno == EEXIST) return Fd();
    fail(kStep, shown, errno);
  }
  Fd made(check(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), kStep, shown));
  give_attributes(made, like, std::nullopt, kStep, shown);
  return made;
}

Fd find_in_layers(const std::vector<Layer>& layers, const std::string& relative) {
  for (const auto& layer : layers) {
    Fd found = find_beneath(layer.directory, relative, kStep, layer.path + "/" + relative);
    if (found) return found;
  }
  return Fd();
}

/** Guests see owner and mode of its directories, which hide nothing. */
void make_whiteout(const Fd& top, const std::string& relative, const std::vector<Layer>& layers) {
  const std::vector<std::string> names = path_names(relative);
  Fd parent(check(fcntl(top.get(), F_DUPFD_CLOEXEC, 0), kStep, relative));
  std::string walked;
  for (size_t depth = 0; depth + 1 < names.size(); depth++) {
    walked += (depth == 0 ? "" : "/") + names[depth];
    const Fd below = find_in_layers(layers, walked);
    if (!below) return;
    const struct stat like = stat_fd(below, kStep, walked);
    if (!S_ISDIR(like.st_mode)) return;
    Fd next = make_directory_like(parent, names[depth], like, walked);
    if (!next) next = Fd(openat(parent.get(), names[depth].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // An earlier whiteout already hides the directory.
    if (!next && errno == ENOTDIR) return;
    check(next.get(), kStep, walked);
    parent = std::move(next);
  }
  // Safe: a character device 0:0 is overlayfs's whiteout and no device.
  if (mknodat(parent.get(), names.back().c_str(), S_IFCHR, 0) < 0 && errno != EEXIST) fail(kStep, relative, errno);
}

/** overlayfs refuses layers inside the target (ELOOP), such as /etc/guestd/etc in /etc. They are copied. */
void copy_layers_within(const std::string& target, const Fd& scratch, std::vector<Layer>& layers,
                        const Cancelled& cancelled) {
  TreeCopy tree(kLayerStep, std::nullopt, cancelled);
  for (size_t i = 0; i < layers.size(); i++) {
    Layer& layer = layers[i];
    if (!path_is_within(layer.path, target)) continue;
    const struct stat like = stat_fd(layer.directory, kLayerStep, layer.path);
    Fd copy = make_directory_like(scratch, std::to_string(i), like, layer.path);
    tree.copy(layer.directory, copy, layer.path);
    layer.directory = std::move(copy);
  }
}

/** overlayfs reports some errors only in the kernel's log, such as a root that is an overlay of overlays. */
Fd make_overlay(const std::vector<const Fd*>& layers, const Fd& fd_directory, const std::string& target) {
  try {
    return mount_make_overlay(layers, fd_directory, target);
  } catch (Failure& failure) {
    if (failure.hint.empty()) failure.hint = "the kernel's log says why (journalctl -k)";
    failure.hint += "; set Mode=bind in [Etc] of guestd.conf to do without overlayfs";
    throw;
  }
}

}  // namespace

Fd overlay_create(const OverlayStep& step, const Fd& fd_directory, const std::string& label, const Cancelled& cancelled) {
  Fd target = open_path(step.target, kStep, O_PATH | O_DIRECTORY);
  std::vector<Layer> layers = open_layers(step.layers);
  std::vector<Layer> below = open_layers(step.below);
  const size_t over = layers.size();
  if (over == 0 && below.empty() && step.hidden.empty()) return Fd();
  std::move(below.begin(), below.end(), std::back_inserter(layers));

  // The target briefly carries it: kernels before 6.15 accept only attached mounts as layers.
  const Fd scratch = mount_make_tmpfs({"64m", 16384, 0700, true}, label, step.target);
  mount_attach(scratch, target, step.target);
  copy_layers_within(step.target, scratch, layers, cancelled);
  const struct stat like = stat_fd(target, kStep, step.target);
  layers.insert(layers.begin() + static_cast<std::ptrdiff_t>(over), {step.target, std::move(target)});

  const Fd top = make_directory_like(scratch, "top", like, step.target);
  std::vector<std::string> hidden = step.hidden;
  // A directory's whiteout must come before those in it.
  std::sort(hidden.begin(), hidden.end());
  for (const auto& relative : hidden) make_whiteout(top, relative, layers);

  std::vector<const Fd*> order{&top};
  for (const auto& layer : layers) order.push_back(&layer.directory);
  Fd overlay = make_overlay(order, fd_directory, step.target);
  mount_detach(scratch, fd_directory, step.target);
  return overlay;
}

}  // namespace guestns
