// The look itself. statx(2) asks for no field, and DONT_SYNC: the kernel gives what it knows, and sends no request
// (fuse_getattr() and nfs_getattr() say so). /proc/PID/maps waits for the process's own memory calls alone.
#include "holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

namespace guestns {
namespace {

constexpr const char* kStep = "holders";
constexpr size_t kMostHolders = 100;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
struct CloseFile {
  void operator()(FILE* file) const { fclose(file); }
};

/** What getline(3) reads into. */
struct Line {
  Line() = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { std::free(text); }
  char* text = nullptr;
  size_t size = 0;
};

using Directory = std::unique_ptr<DIR, CloseDirectory>;
using File = std::unique_ptr<FILE, CloseFile>;

Directory open_list(int dir, const char* name) {
  Fd fd(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Directory directory(fd ? fdopendir(fd.get()) : nullptr);
  if (directory) fd.release();
  return directory;
}

class Search {
 public:
  Search(const Sought& sought, const Cancelled& cancelled) : sought_(sought), cancelled_(cancelled) {}

  std::vector<Holder> run() {
    Directory processes = open_list(AT_FDCWD, "/proc");
    if (!processes) fail(kStep, "/proc", errno);
    proc_ = look(dirfd(processes.get()), ".");
    if (!proc_) fail(kStep, "/proc", errno);
    std::vector<Holder> holders;
    while (const struct dirent* entry = readdir(processes.get())) {
      if (cancelled_) fail(kStep, "", ECANCELED);
      const long pid = std::strtol(entry->d_name, nullptr, 10);
      if (pid <= 0 || pid == getpid()) continue;
      const char* how = find(dirfd(processes.get()), entry->d_name);
      if (how != nullptr) holders.push_back({static_cast<pid_t>(pid), how});
      if (holders.size() == kMostHolders) break;
    }
    return holders;
  }

 private:
  /** How a process holds what is sought; nullptr when it does not, or is gone. By its directory: its number may be another's soon. */
  const char* find(int proc, const char* pid) {
    const Fd process(openat(proc, pid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!process) return nullptr;
    if (has_descriptor(process)) return "descriptor";
    if (is_sought(look(process.get(), "cwd"))) return "directory";
    if (is_sought(look(process.get(), "root"))) return "root";
    if (is_sought(look(process.get(), "exe"))) return "program";
    return has_mapping(process) ? "mapping" : nullptr;
  }

  bool has_descriptor(const Fd& process) {
    const Directory descriptors = open_list(process.get(), "fd");
    if (!descriptors) return false;
    while (const struct dirent* entry = readdir(descriptors.get()))
      if (entry->d_name[0] != '.' && is_sought(look(dirfd(descriptors.get()), entry->d_name))) return true;
    return false;
  }

  /** Lines of proc_pid_maps(5): "START-END FLAGS OFFSET MAJOR:MINOR INODE PATH". */
  bool has_mapping(const Fd& process) {
    Fd fd(openat(process.get(), "maps", O_RDONLY | O_CLOEXEC));
    const File maps(fd ? fdopen(fd.get(), "re") : nullptr);
    if (!maps) return false;
    fd.release();
    const Fd files(sought_.uid < 0 ? -1 : openat(process.get(), "map_files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    Line line;
    while (getline(&line.text, &line.size, maps.get()) > 0) {
      unsigned long start = 0, end = 0, inode = 0;
      Sought::Device device = {};
      const int fields = std::sscanf(line.text, "%lx-%lx %*s %*x %x:%x %lu", &start, &end, &device.major, &device.minor, &inode);
      if (fields < 5 || inode == 0) continue;
      if (is_on_device(device.major, device.minor)) return true;
      if (files && is_mapped_of_user(files, start, end, device, inode)) return true;
    }
    return false;
  }

  /** Whose a mapped file is, asked once of each: a library is mapped by everybody. */
  bool is_mapped_of_user(const Fd& files, unsigned long start, unsigned long end, Sought::Device device, unsigned long inode) {
    const auto key = std::make_tuple(device.major, device.minor, inode);
    const auto known = mapped_.find(key);
    if (known != mapped_.end()) return known->second;
    char name[64];
    std::snprintf(name, sizeof name, "%lx-%lx", start, end);
    const auto file = look(files.get(), name);
    // A mapping that has gone by now says nothing of the file.
    if (!file) return false;
    return mapped_.emplace(key, is_sought(file)).first->second;
  }

  /** What the kernel knows of a file behind a link of /proc; nothing when it is gone. */
  static std::optional<struct statx> look(int dir, const char* name) {
    struct statx file = {};
    // Safe: reads from memory, and mounts nothing.
    if (statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &file) < 0) return std::nullopt;
    return file;
  }

  bool is_on_device(unsigned major, unsigned minor) const {
    return std::any_of(sought_.devices.begin(), sought_.devices.end(),
                       [&](const auto& device) { return device.major == major && device.minor == minor; });
  }

  bool is_sought(const std::optional<struct statx>& file) const {
    if (!file) return false;
    if (is_on_device(file->stx_dev_major, file->stx_dev_minor)) return true;
    // A terminal, a pipe or a socket that he has made keeps nothing of his; nor does a directory of /proc.
    const bool keeps = S_ISREG(file->stx_mode) || S_ISDIR(file->stx_mode);
    const bool is_proc = file->stx_dev_major == proc_->stx_dev_major && file->stx_dev_minor == proc_->stx_dev_minor;
    const bool known = (file->stx_mask & STATX_UID) != 0;
    return known && keeps && !is_proc && static_cast<int64_t>(file->stx_uid) == sought_.uid;
  }

  const Sought& sought_;
  const Cancelled& cancelled_;
  std::optional<struct statx> proc_;
  std::map<std::tuple<unsigned, unsigned, unsigned long>, bool> mapped_;
};

}  // namespace

Sought::Device parse_device(const std::string& text) {
  Sought::Device device = {};
  int length = 0;
  const bool plain = text.find_first_not_of("0123456789:") == std::string::npos && text.size() < 20;
  if (!plain || std::sscanf(text.c_str(), "%u:%u%n", &device.major, &device.minor, &length) != 2 ||
      static_cast<size_t>(length) != text.size())
    fail("arguments", "devices", EINVAL, "expected MAJOR:MINOR");
  return device;
}

std::vector<Holder> find_holders(const Sought& sought, const Cancelled& cancelled) { return Search(sought, cancelled).run(); }

}  // namespace guestns
