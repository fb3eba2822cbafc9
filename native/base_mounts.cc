// Walks paths without symbolic links and unmounts by descriptor: users shape directories below their homes.
#include "base_mounts.h"

#include <algorithm>
#include <sstream>

#include "mount_ops.h"
#include "paths.h"
#include "plan.h"

namespace guestns {
namespace {

constexpr const char* kStep = "mountinfo";

std::string read_all(const Fd& file) {
  std::string text;
  char chunk[4096];
  ssize_t length;
  while ((length = read(file.get(), chunk, sizeof chunk)) > 0) text.append(chunk, static_cast<size_t>(length));
  check(static_cast<int>(length), kStep, "");
  return text;
}

/** Mountinfo has blanks and backslashes in octal (proc(5)). */
std::string unescape(const std::string& field) {
  std::string text;
  for (size_t i = 0; i < field.size(); i++) {
    const bool escaped = field[i] == '\\' && i + 3 < field.size();
    text += escaped ? static_cast<char>(std::stoi(field.substr(i + 1, 3), nullptr, 8)) : field[i];
    if (escaped) i += 3;
  }
  return text;
}

bool is_below(const std::string& path, const std::string& ancestor) {
  return path != ancestor && path_is_within(path, ancestor);
}

}  // namespace

BaseMounts::BaseMounts(const Fd& thread_directory, const Fd& fd_directory) : fd_directory_(fd_directory) {
  const Fd file(check(openat(thread_directory.get(), "mountinfo", O_RDONLY | O_CLOEXEC), kStep, ""));
  std::istringstream lines(read_all(file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string field, mount_point;
    for (int i = 0; i < 4; i++) fields >> field;
    fields >> mount_point;
    mount_points_.push_back(unescape(mount_point));
    if (line.find(" - autofs ") != std::string::npos) automount_points_.push_back(mount_points_.back());
  }
  // A mount below another goes away with it, so the upper comes first.
  std::stable_sort(mount_points_.begin(), mount_points_.end(),
                   [](const auto& one, const auto& other) { return one.size() < other.size(); });
}

void BaseMounts::detach_within(const std::string& path) {
  const auto kept =
      std::stable_partition(mount_points_.begin(), mount_points_.end(),
                            [&](const auto& point) { return !path_is_within(point, path) || carries_plan(point); });
  for (auto point = kept; point != mount_points_.end(); ++point) detach_top(*point);
  mount_points_.erase(kept, mount_points_.end());
}

void BaseMounts::detach_original(const std::string& path) {
  std::vector<std::string> copied;
  std::copy_if(mount_points_.begin(), mount_points_.end(), std::back_inserter(copied),
               [&](const auto& point) { return is_below(point, path); });
  detach_within(path);
  mount_points_.insert(mount_points_.end(), copied.begin(), copied.end());
}

void BaseMounts::detach_automounts(const std::string& original, const std::string& copy) {
  for (const auto& point : automount_points_) {
    if (!is_below(point, original)) continue;
    // The mount point, and at most one file system on it.
    for (int i = 0; i < 2; i++) detach_top(copy + point.substr(original.size()));
  }
}

bool BaseMounts::carries_plan(const std::string& mount_point) const {
  return std::any_of(attached_.begin(), attached_.end(),
                     [&](const auto& path) { return path_is_within(path, mount_point); });
}

/** An unreachable mount stays, and is covered. */
void BaseMounts::detach_top(const std::string& path) {
  try {
    const Fd top = find_path(path, kStep);
    if (top) mount_detach(top, fd_directory_, path);
  } catch (const Failure&) {
  }
}

}  // namespace guestns
