// Which sessions a process belongs to, for guest-holders (holders.c).
#ifndef GUESTD_MEMBERS_H
#define GUESTD_MEMBERS_H

#include <stdbool.h>

/** Skips the host's mount namespace, which is no view. False when it is unknown. */
bool pass_over_own_view(int proc);

/** Prints " SET:member" of a process (an open directory) for each session that it belongs to. */
void say_memberships(int process);

#endif
