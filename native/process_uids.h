// The UIDs of a process, for guest-holders (members.c) and guest-lookup (lookup.c).
#ifndef GUESTD_PROCESS_UIDS_H
#define GUESTD_PROCESS_UIDS_H

#include <stdbool.h>

enum { UIDS = 4 };

/**
 * The real, effective, saved and file system UID of a process that has not ended, even if only its first thread has.
 * Never hangs.
 * @param process its directory in /proc
 */
bool read_uids(int process, unsigned uids[UIDS]);

#endif
