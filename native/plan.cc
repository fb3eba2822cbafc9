// Checks a plan. Does not rely on the daemon's checks, and looks at no file.
#include "plan.h"

#include <climits>
#include <cstdlib>

#include "guestns.h"

namespace guestns {
namespace {

// From kernel 6.5 on, overlayfs takes 256 bytes of layer names in one option.
constexpr size_t kMostLayers = 32;
constexpr uint64_t kMostBytes = uint64_t{1} << 60;

[[noreturn]] void refuse(const std::string& path, const char* expected, const char* step = "plan") {
  fail(step, path, EINVAL, expected);
}

bool names_are_plain(const std::string& relative) {
  size_t begin = 0;
  while (true) {
    const size_t end = relative.find('/', begin);
    const std::string name = relative.substr(begin, end == std::string::npos ? end : end - begin);
    if (name.empty() || name == "." || name == "..") return false;
    if (end == std::string::npos) return true;
    begin = end + 1;
  }
}

bool path_is_plain(const std::string& relative) {
  // A NUL would shorten the path between this check and the kernel.
  return relative.size() < PATH_MAX && relative.find('\0') == std::string::npos && names_are_plain(relative);
}

void check_relative(const std::string& path, const char* expected) {
  if (!path_is_plain(path)) refuse(path, expected);
}

uint64_t size_unit(char suffix) {
  switch (suffix) {
    case 'k': case 'K': return uint64_t{1} << 10;
    case 'm': case 'M': return uint64_t{1} << 20;
    case 'g': case 'G': return uint64_t{1} << 30;
    default: return 0;
  }
}

/** tmpfs(5) reads size=0 as "no limit", and the kernel's parser overflows. Either would let a guest fill the memory. */
bool size_is_bounded(std::string size) {
  if (size.empty()) return false;
  const bool share = size.back() == '%';
  const uint64_t unit = share ? 1 : size_unit(size.back());
  if (unit != 0) size.pop_back();
  if (size.empty() || size.size() > 18 || size.find_first_not_of("0123456789") != std::string::npos) return false;
  const uint64_t count = std::strtoull(size.c_str(), nullptr, 10);
  if (share) return count >= 1 && count <= 100;
  return count >= 1 && count <= kMostBytes / (unit == 0 ? 1 : unit);
}

struct CheckStep {
  void operator()(const TmpfsStep& step) const {
    check_absolute(step.target);
    if (!size_is_bounded(step.size)) refuse(step.target, "expected a size such as 64m or 25%, not 0");
    if (step.mode > 07777) refuse(step.target, "expected a mode up to 07777");
    for (const auto& skeleton : step.skeletons) check_absolute(skeleton);
  }
  void operator()(const ProcStep& step) const {
    check_absolute(step.target);
    const bool known = step.hidepid == "noaccess" || step.hidepid == "invisible" || step.hidepid == "ptraceable";
    if (!known) refuse(step.target, "expected hidepid noaccess, invisible or ptraceable");
  }
  void operator()(const MqueueStep& step) const { check_absolute(step.target); }
  void operator()(const DevptsStep& step) const { check_absolute(step.target); }
  void operator()(const MkdirStep& step) const {
    check_absolute(step.target);
    if (step.mode > 07777) refuse(step.target, "expected a mode up to 07777");
  }
  void operator()(const SocketStep& step) const { check_absolute(step.target); }
  void operator()(const HideStep& step) const { check_absolute(step.target); }
  void operator()(const OverlayStep& step) const {
    check_absolute(step.target);
    if (step.layers.size() + step.below.size() > kMostLayers) refuse(step.target, "expected at most 32 layers");
    for (const auto& layer : step.layers) check_absolute(layer);
    for (const auto& layer : step.below) check_absolute(layer);
    for (const auto& path : step.hidden) check_relative(path, "expected a path relative to the overlay's target");
  }
  void operator()(const BindStep& step) const {
    check_absolute(step.source);
    check_absolute(step.target);
  }
  void operator()(const ReadonlyStep& step) const { check_absolute(step.target); }
  void operator()(const KeepStep& step) const { check_absolute(step.target); }
};

/** An overlay shows its target as in the base, so it would lift earlier masks. */
void check_no_overlay_lifts_a_mask(const Plan& plan) {
  for (size_t later = 0; later < plan.size(); later++) {
    const auto* overlay = std::get_if<OverlayStep>(&plan[later]);
    for (size_t earlier = 0; overlay != nullptr && earlier < later; earlier++) {
      const auto* hide = std::get_if<HideStep>(&plan[earlier]);
      if (hide != nullptr && path_is_within(hide->target, overlay->target))
        refuse(hide->target, "expected the overlay before what is hidden in it");
    }
  }
}

}  // namespace

void check_plan(const Plan& plan) {
  for (const auto& step : plan) std::visit(CheckStep{}, step);
  check_no_overlay_lifts_a_mask(plan);
}

void check_absolute(const std::string& path, const char* step) {
  if (path.empty() || path[0] != '/' || !path_is_plain(path.substr(1)))
    refuse(path, "expected an absolute path without empty, . or .. names", step);
}

void check_label(const std::string& label) {
  // Every user can read it in mountinfo, which escapes blanks and backslashes.
  const bool plain = label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (label.empty() || label.size() > 64 || !plain) fail("arguments", "label", EINVAL, "expected 1 to 64 of a-z, 0-9 and -");
}

bool path_is_within(const std::string& path, const std::string& ancestor) {
  return path == ancestor || path.compare(0, ancestor.size() + 1, ancestor + "/") == 0;
}

std::vector<std::string> path_names(const std::string& path) {
  std::vector<std::string> names;
  size_t begin = path.find_first_not_of('/');
  while (begin != std::string::npos) {
    const size_t end = path.find('/', begin);
    names.push_back(path.substr(begin, end - begin));
    begin = path.find_first_not_of('/', end);
  }
  return names;
}

}  // namespace guestns
