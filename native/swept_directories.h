// The directories of current sweeps, and those taken from users. Concurrent sweeps do not see each other's directories
// empty: the last to leave one removes it, whichever took it. Touches no file.
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
  /** Lasts from before reading the first name until after trying to remove the directory. */
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

    /** Whether this sweep or a concurrent one took it. */
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
  /** A sweep's open descriptor prevents reuse of the inode number. */
  std::map<FileId, Visit> visits_;
};

}  // namespace guestns
