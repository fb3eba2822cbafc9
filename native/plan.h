// The steps of src/policy/steps.ts, which explains each field. Makes no system call.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace guestns {

struct TmpfsStep {
  std::string target;
  bool create;
  bool optional;
  mode_t mode;
  uid_t uid;
  gid_t gid;
  std::string size;
  uint64_t inodes;
  bool noexec;
  bool readonly;
  std::vector<std::string> skeletons;
};

struct ProcStep {
  std::string target;
  std::string hidepid;
};

struct MqueueStep {
  std::string target;
  bool optional;
};

struct DevptsStep {
  std::string target;
};

struct MkdirStep {
  std::string target;
  mode_t mode;
};

struct SocketStep {
  std::string target;
  uid_t uid;
};

struct HideStep {
  std::string target;
  bool optional;
};

struct OverlayStep {
  std::string target;
  std::vector<std::string> layers;
  std::vector<std::string> below;
  std::vector<std::string> hidden;
};

struct BindStep {
  std::string source;
  std::string target;
  bool readonly;
  bool create;
  bool optional;
};

struct ReadonlyStep {
  std::string target;
  bool optional;
};

struct KeepStep {
  std::string target;
};

using Step = std::variant<TmpfsStep, ProcStep, MqueueStep, DevptsStep, MkdirStep, SocketStep, HideStep, OverlayStep, BindStep,
                          ReadonlyStep, KeepStep>;
using Plan = std::vector<Step>;

/**
 * Checks everything that the builder relies on, again after the daemon.
 * @throws Failure with step "plan", EINVAL and what was expected
 */
void check_plan(const Plan& plan);

/** @throws Failure with EINVAL unless it is an absolute path without empty, . or .. names */
void check_absolute(const std::string& path, const char* step = "plan");

/** @throws Failure with step "arguments" unless it is 1 to 64 of a-z, 0-9 and "-" */
void check_label(const std::string& label);

/** Whether `path` is `ancestor` or below it. Both are absolute and plain. */
bool path_is_within(const std::string& path, const std::string& ancestor);

/** "/a/b" and "a/b" both give a, b. */
std::vector<std::string> path_names(const std::string& path);

}  // namespace guestns
