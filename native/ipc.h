// System V IPC objects and POSIX message queues of guestd's own IPC namespace, and a session's System V objects. In its
// own namespace guestd itself finds them, in /proc and the file system opened here.
#pragma once

#include "guestns.h"

namespace guestns {

/**
 * Removes a System V object; a missing one is no failure.
 * @param kind "shm", "sem" or "msg"
 * @throws Failure, step "shmctl", "semctl" or "msgctl"
 */
void ipc_remove(const std::string& kind, int id);

/**
 * The file system of the POSIX message queues, mounted nowhere: each queue is a file.
 * @throws Failure
 */
Fd ipc_open_queues();

/**
 * Removes all System V objects of another IPC namespace. Changes the thread's IPC namespace for good.
 * @return how many there were
 * @throws Failure, step "setns" (EINVAL for another kind of file or the process's own namespace), "list", or as
 * ipc_remove()
 */
uint64_t ipc_empty(const Fd& ipc_namespace, const Cancelled& cancelled);

}  // namespace guestns
