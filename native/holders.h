// Who holds files of some file systems, or of some user: a look at all processes, by way of /proc.
// Asks no file system: one that does not answer (a dead server, a FUSE of a guest's) must not hold the look up.
#pragma once

#include "guestns.h"

namespace guestns {

struct Holder {
  pid_t pid;
  /** "descriptor", "directory", "root", "program" or "mapping": what was found first. */
  const char* how;
};

struct Sought {
  struct Device {
    unsigned major;
    unsigned minor;
  };
  /** Every file on these. */
  std::vector<Device> devices;
  /** Regular files and directories of this user, wherever they are; -1 for none. */
  int64_t uid;
};

/**
 * "0:57", as in /proc/PID/mountinfo.
 * @throws Failure, step "arguments"
 */
Sought::Device parse_device(const std::string& text);

/**
 * Processes, ours excepted, that hold what is sought: by a descriptor, working directory, root, executable or mapping.
 * One that ends meanwhile is passed over. Of a process, the descriptors of its first thread are looked at.
 * @return at most 100, each once
 * @throws Failure when /proc cannot be read; a process that must not be looked into is none
 */
std::vector<Holder> find_holders(const Sought& sought, const Cancelled& cancelled);

}  // namespace guestns
