// Parks the highest open directory when too many are open. Reopens it by "..", if it is still the same.
#include "way_down.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace guestns {
namespace {

/** Each takes 40 bytes of memory, and 4 KiB of its owner's disk. */
constexpr size_t kMostParked = 1000000;

}  // namespace

std::string WayDown::path() const {
  std::string path = parked_.empty() ? "" : "/...";
  for (const auto& frame : open_)
    if (!frame.name.empty()) path += "/" + frame.name;
  return path;
}

void WayDown::push(Frame frame) {
  if (open_.size() == kMostOpen) park();
  open_.push_back(std::move(frame));
}

void WayDown::park() {
  if (parked_.size() == kMostParked) fail("sweep", path(), ELOOP, "deeper than " + std::to_string(kMostParked) + " directories");
  Frame& frame = open_.front();
  if (parked_.empty()) first_ = Fd(check(fcntl(frame.fd(), F_DUPFD_CLOEXEC, 0), "sweep", frame.name));
  Parked parked = {frame.id, telldir(frame.dir.get()), frame.foreign, nullptr};
  if (frame.taken_from != 0) parked.rest.reset(new Parked::Rest{frame.taken_from, std::move(frame.name), std::move(frame.moved)});
  parked_.push_back(std::move(parked));
  open_.pop_front();
}

Frame WayDown::pop() {
  Frame left = std::move(open_.back());
  open_.pop_back();
  if (!open_.empty() || parked_.empty()) return left;
  Parked above = std::move(parked_.back());
  parked_.pop_back();
  if (reopen(left.fd(), "..", above)) return left;
  left.name.clear();
  if (!parked_.empty()) {
    Parked first = std::move(parked_.front());
    parked_.clear();
    reopen(first_.get(), ".", first);
  }
  return left;
}

bool WayDown::reopen(int from, const char* path, Parked& parked) {
  // Safe: a directory, and only the same one.
  Fd fd(openat(from, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat found = {};
  if (!fd || fstat(fd.get(), &found) < 0 || FileId(found.st_dev, found.st_ino) != parked.id) return false;
  Frame frame;
  frame.dir.reset(fdopendir(fd.get()));
  if (!frame.dir) return false;
  fd.release();
  seekdir(frame.dir.get(), parked.position);
  frame.id = parked.id;
  frame.foreign = parked.foreign;
  if (parked.rest) {
    frame.taken_from = parked.rest->taken_from;
    frame.name = std::move(parked.rest->name);
    frame.moved = std::move(parked.rest->moved);
  }
  open_.push_back(std::move(frame));
  return true;
}

void WayDown::clear() {
  open_.clear();
  parked_.clear();
}

}  // namespace guestns
