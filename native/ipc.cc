// IPC_RMID, and a detached mount of mqueue.
// Acts by id, as ipcrm(1) does: the number of a slot that is used again is another id.
#include "ipc.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "mount_ops.h"

namespace guestns {

void ipc_remove(const std::string& kind, int id) {
  const char* step = nullptr;
  int result = 0;
  // Safe: by id, and only what nobody but a guest that has gone has made, as the caller has read.
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

Fd ipc_open_queues() { return mount_make_mqueue({"queues", false}); }

}  // namespace guestns
