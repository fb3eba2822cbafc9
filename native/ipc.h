// System V IPC objects and POSIX message queues of guestd's own IPC namespace.
// Finds nothing: what there is, and whose, is read from /proc and from the file system that is opened here.
#pragma once

#include "guestns.h"

namespace guestns {

/**
 * Removes a System V object by its id; one that is gone already is no failure.
 * @param kind "shm", "sem" or "msg"
 * @throws Failure, step "shmctl", "semctl" or "msgctl"
 */
void ipc_remove(const std::string& kind, int id);

/**
 * The file system of the POSIX message queues, mounted nowhere; each queue is a file in it.
 * @throws Failure
 */
Fd ipc_open_queues();

}  // namespace guestns
