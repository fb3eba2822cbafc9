// Starts the reaper through a child in the leader's PID namespace. Until execveat(2) both children share this process's
// memory: they only make system calls.
#include "isolation.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

// glibc 2.36 (Debian 12) does not declare these as C functions.
extern "C" {
#include <sys/pidfd.h>
}

#include "paths.h"

namespace guestns {
namespace {

constexpr const char* kEndedAtOnce = "the reaper ended at once";
constexpr size_t kStack = size_t{64} << 10;
// Shared memory and descriptors need no pipe for results. The caller is suspended meanwhile.
constexpr int kLend = CLONE_VM | CLONE_VFORK | CLONE_FILES;

class Stack {
 public:
  Stack() : base_(mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
    if (base_ == MAP_FAILED) fail("mmap", "", errno);
    mprotect(base_, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_NONE);
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() { munmap(base_, kStack); }
  void* top() const { return static_cast<char*>(base_) + kStack; }

 private:
  void* base_;
};

/** Input and results of the children. Plain data: no child may allocate or throw. */
struct Start {
  struct Context {
    const char* type;
    int fd;
  };
  int reaper;
  void* stack;
  Context* contexts;
  size_t count;
  int pidfd;
  const char* step;
  const char* path;
  int error;
  /** A child that was killed too early has not set this. */
  bool opened;

  int failed(const char* what, const char* on) {
    error = errno;
    step = what;
    path = on;
    return 1;
  }
};

int become_reaper(void* shared) {
  auto* start = static_cast<Start*>(shared);
  for (size_t i = 0; i < start->count; i++) {
    Start::Context& context = start->contexts[i];
    // Safe: private to its descriptor. It remembers the opener's namespaces.
    context.fd = fsopen(context.type, FSOPEN_CLOEXEC);
    if (context.fd < 0) return start->failed("fsopen", context.type);
  }
  start->opened = true;
  char name[] = "guest-reaper";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  // Safe: by descriptor, so it is the file that guestd opened. execve(2) unshares descriptors before closing any.
  syscall(SYS_execveat, start->reaper, "", arguments, environment, AT_EMPTY_PATH);
  return start->failed("execveat", "guest-reaper");
}

/** In the leader's PID namespace: clone(2) creates a new one only below the caller's. */
int start_from_leader(void* shared) {
  auto* start = static_cast<Start*>(shared);
  // Not clone3(2), which RestrictNamespaces= forbids: seccomp cannot see its flags. Safe: a namespace only for the new
  // process, which becomes guestd's child.
  const int flags = kLend | CLONE_PARENT | CLONE_NEWPID | CLONE_PIDFD;
  const int pid = clone(become_reaper, start->stack, flags, start, &start->pidfd);
  if (pid >= 0) return 0;
  start->pidfd = -1;
  return start->failed("clone", "");
}

void wait_for_end(idtype_t type, int id) {
  siginfo_t info = {};
  // __WALL: before execve(2) a child has no exit signal.
  while (waitid(type, static_cast<id_t>(id), &info, WEXITED | __WALL) < 0 && errno == EINTR) continue;
}

void run_children(Start& start) {
  const Stack middle;
  const Stack first;
  start.stack = first.top();
  // Safe: waits until the child has ended. Both block all signals, so no handler runs twice.
  const int pid = check(clone(start_from_leader, middle.top(), kLend, &start), "clone", "");
  wait_for_end(P_PID, pid);
}

/** The PID in guestd's own namespace: clone(2) returns the leader's. */
pid_t read_pid(const Fd& proc, const Fd& pidfd) {
  const std::string path = "thread-self/fdinfo/" + std::to_string(pidfd.get());
  const Fd file(check(openat(proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC), "open", "/proc/" + path));
  char text[512];
  const int length = check(static_cast<int>(read(file.get(), text, sizeof text - 1)), "read", "/proc/" + path);
  text[length] = '\0';
  const char* found = std::strstr(text, "\nPid:\t");
  const long pid = found == nullptr ? -1 : std::strtol(found + 6, nullptr, 10);
  if (pid <= 0) fail("clone", "/proc/" + path, ESRCH, kEndedAtOnce);
  return static_cast<pid_t>(pid);
}

NamespaceFile open_namespace(const Fd& proc, const std::string& path) {
  NamespaceFile file;
  file.fd = Fd(check(openat(proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC), "open", "/proc/" + path));
  file.inode = stat_fd(file.fd, "fstat", "/proc/" + path).st_ino;
  return file;
}

}  // namespace

NamespaceFile isolation_leave_ipc(const Fd& proc) {
  // Safe: for this thread only, which ends after the build.
  check(unshare(CLONE_NEWIPC), "unshare", "");
  return open_namespace(proc, "thread-self/ns/ipc");
}

Isolation::~Isolation() {
  if (!pidfd) return;
  // Safe: by pidfd, and a child that no other thread reaps.
  pidfd_send_signal(pidfd.get(), SIGKILL, nullptr, 0);
  wait_for_end(P_PIDFD, pidfd.get());
}

Fd Isolation::take_context(const std::string& type) {
  for (auto& context : contexts)
    if (context.fd && type == context.type) return std::move(context.fd);
  return Fd();
}

std::unique_ptr<Isolation> isolation_start(const Fd& leader, const Fd& reaper, const Fd& proc,
                                           const std::vector<const char*>& types) {
  // Safe: by pidfd, and only for this thread's children.
  check(setns(leader.get(), CLONE_NEWPID), "setns", "");
  std::vector<Start::Context> opened;
  for (const char* type : types) opened.push_back({type, -1});
  auto isolation = std::make_unique<Isolation>();
  isolation->contexts.reserve(types.size());
  Start start = {reaper.get(), nullptr, opened.data(), opened.size(), -1, nullptr, "", 0, false};
  run_children(start);
  isolation->pidfd = Fd(start.pidfd);
  for (const auto& context : opened) isolation->contexts.push_back({context.type, Fd(context.fd)});
  if (start.step != nullptr) fail(start.step, start.path, start.error);
  // Without the reaper's context, /proc would show guestd's own PID namespace.
  if (!start.opened) fail("clone", "guest-reaper", ESRCH, kEndedAtOnce);
  isolation->pid = read_pid(proc, isolation->pidfd);
  // Safe: the number is the reaper's until this process reaps it.
  isolation->processes = open_namespace(proc, std::to_string(isolation->pid) + "/ns/pid");
  return isolation;
}

bool isolation_reap(int pidfd) {
  siginfo_t info = {};
  if (waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | __WALL) == 0) return info.si_pid != 0;
  if (errno == ECHILD) return true;
  fail("waitid", "", errno);
}

}  // namespace guestns
