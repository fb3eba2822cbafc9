// Shared by all parts of the builder. Plain C++, without N-API.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace guestns {

/** The exception of every part. `hint` says what to do. */
struct Failure {
  std::string step;
  std::string path;
  int error;
  std::string hint;
};

/** `error` is a positive errno. */
[[noreturn]] inline void fail(std::string step, std::string path, int error, std::string hint = "") {
  throw Failure{std::move(step), std::move(path), error, std::move(hint)};
}

inline int check(int result, const char* step, const std::string& path) {
  if (result < 0) fail(step, path, errno);
  return result;
}

/** Closes itself. Its creator asks for close-on-exec. */
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/** Set when the result is no longer needed. Every loop checks it. */
using Cancelled = std::atomic<bool>;

}  // namespace guestns
