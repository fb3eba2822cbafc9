// Acts by id, as ipcrm(1) does: a reused slot has another id.
#include "ipc.h"

#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "mount_ops.h"
#include "paths.h"

namespace guestns {
namespace {

/** semctl(2) leaves this definition to its callers. */
union SemaphoreArgument {
  int value;
  struct semid_ds* found;
  struct seminfo* info;
};

/** Of the thread's namespace: the highest used slot, and a slot's object, negative if none. */
struct Slots {
  const char* kind;
  int (*highest)();
  int (*id_at)(int slot);
};

const Slots kSlots[] = {
    {"shm",
     [] {
       struct shm_info info;
       return shmctl(0, SHM_INFO, reinterpret_cast<struct shmid_ds*>(&info));
     },
     [](int slot) {
       struct shmid_ds found;
       return shmctl(slot, SHM_STAT_ANY, &found);
     }},
    {"sem",
     [] {
       struct seminfo info;
       SemaphoreArgument argument;
       argument.info = &info;
       return semctl(0, 0, SEM_INFO, argument);
     },
     [](int slot) {
       struct semid_ds found;
       SemaphoreArgument argument;
       argument.found = &found;
       return semctl(slot, 0, SEM_STAT_ANY, argument);
     }},
    {"msg",
     [] {
       struct msginfo info;
       return msgctl(0, MSG_INFO, reinterpret_cast<struct msqid_ds*>(&info));
     },
     [](int slot) {
       struct msqid_ds found;
       return msgctl(slot, MSG_STAT_ANY, &found);
     }},
};

}  // namespace

void ipc_remove(const std::string& kind, int id) {
  const char* step = nullptr;
  int result = 0;
  // Safe: by id, and only objects that the caller knows to be a departed guest's.
  if (kind == "shm") {
    step = "shmctl";
    result = shmctl(id, IPC_RMID, nullptr);
  } else if (kind == "sem") {
    step = "semctl";
    result = semctl(id, 0, IPC_RMID);
  } else if (kind == "msg") {
    step = "msgctl";
    result = msgctl(id, IPC_RMID, nullptr);
  } else {
    fail("arguments", "kind", EINVAL, "expected shm, sem or msg");
  }
  if (result < 0 && errno != EINVAL && errno != EIDRM) fail(step, std::to_string(id), errno);
}

uint64_t ipc_empty(const Fd& ipc_namespace, const Cancelled& cancelled) {
  const Fd own(check(open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC), "open", "/proc/self/ns/ipc"));
  const struct stat theirs = stat_fd(ipc_namespace, "fstat", "");
  const struct stat ours = stat_fd(own, "fstat", "/proc/self/ns/ipc");
  if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino) fail("setns", "", EINVAL, "it is this process's own");
  // Safe: for this thread only. Now it sees a session's objects, none of the host's.
  check(setns(ipc_namespace.get(), CLONE_NEWIPC), "setns", "");
  uint64_t removed = 0;
  for (const auto& slots : kSlots) {
    const int highest = check(slots.highest(), "list", slots.kind);
    for (int slot = 0; slot <= highest; slot++) {
      if (cancelled) fail("list", slots.kind, ECANCELED);
      const int id = slots.id_at(slot);
      if (id < 0) continue;
      ipc_remove(slots.kind, id);
      removed++;
    }
  }
  return removed;
}

Fd ipc_open_queues() { return mount_make_mqueue({"queues", false}); }

}  // namespace guestns
