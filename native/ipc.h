// System V IPC objects and POSIX message queues of guestd's own IPC namespace; the System V objects of a session's.
// Finds nothing in guestd's own: the caller reads objects and owners from /proc and from the file system opened here.
#pragma once

#include "guestns.h"

namespace guestns {

/**
 * Removes a System V object by its id; a missing one is no failure.
 * @param kind "shm", "sem" or "msg"
 * @throws Failure, step "shmctl", "semctl" or "msgctl"
 */
void ipc_remove(const std::string& kind, int id);

/**
 * The file system of the POSIX message queues, mounted nowhere; each queue is a file in it.
 * @throws Failure
 */
Fd ipc_open_queues();

/**
 * Removes all System V objects of an IPC namespace other than this process's own. Changes the IPC namespace of the
 * calling thread for good.
 * @return how many there were
 * @throws Failure, step "setns" (EINVAL for another kind of file, and for the process's own namespace), "list", or as
 * ipc_remove()
 */
uint64_t ipc_empty(const Fd& ipc_namespace, const Cancelled& cancelled);

}  // namespace guestns
