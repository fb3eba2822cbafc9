// The directories that sweeps are in, and those that a sweep has taken from its user. Concurrent sweeps of one tree
// find each other's directories non-empty, so the last one to leave a directory removes it, whichever took it. Touches
// no file.
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <utility>

namespace guestns {

using FileId = std::pair<dev_t, ino_t>;

class SweptDirectories {
  struct Visit {
    size_t sweeps = 0;
    bool taken = false;
  };

 public:
  /** A sweep's stay in a directory: from before it reads the first name until it has tried to remove the directory. */
  class Stay {
   public:
    Stay(SweptDirectories& all, FileId id) : all_(all), id_(id) {
      const std::lock_guard<std::mutex> lock(all_.mutex_);
      all_.visits_[id_].sweeps++;
    }
    ~Stay() {
      const std::lock_guard<std::mutex> lock(all_.mutex_);
      const auto visit = all_.visits_.find(id_);
      if (--visit->second.sweeps == 0) all_.visits_.erase(visit);
    }
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;

    /** The directory was the user's until this sweep gave it to root. */
    void take() {
      const std::lock_guard<std::mutex> lock(all_.mutex_);
      all_.visits_[id_].taken = true;
    }

    /** Whether this sweep, or a concurrent one, has taken the directory. */
    bool taken() const {
      const std::lock_guard<std::mutex> lock(all_.mutex_);
      return all_.visits_[id_].taken;
    }

   private:
    SweptDirectories& all_;
    const FileId id_;
  };

 private:
  std::mutex mutex_;
  /** The open descriptor of a sweep prevents reuse of the directory's number. */
  std::map<FileId, Visit> visits_;
};

}  // namespace guestns
