// System V IPC objects and POSIX message queues of guestd's own IPC namespace; the System V objects of a session's.
// In guestd's own nothing is found here: what there is, and whose, is read from /proc and from the file system that is opened here.
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

/**
 * Removes all System V objects of an IPC namespace that is not this process's own.
 * Changes the IPC namespace of the calling thread for good.
 * @return how many that were
 * @throws Failure, step "setns" (EINVAL for another kind of file, and for our own namespace), "list", or as ipc_remove()
 */
uint64_t ipc_empty(const Fd& ipc_namespace, const Cancelled& cancelled);

}  // namespace guestns
