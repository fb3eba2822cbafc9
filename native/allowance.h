// The cost limits of a look at one process, and at all processes of one user, in guest-holders (holders.c): any user
// can have processes that take minutes to read.
#ifndef GUESTD_ALLOWANCE_H
#define GUESTD_ALLOWANCE_H

#include <stdbool.h>

/**
 * The time so far in microseconds: processor time, plus a tenth of real time. A busy machine makes no process
 * expensive.
 */
long cost_so_far(void);

/** Begins a look at a process (an open directory): its cost is its user's. */
void start_process(int process);

/** Begins a part of that look, which may cost this much. */
void start_part(long ms);

/**
 * Whether the part, or its user, has used up its allowance. True until the next part begins; false before the first.
 */
bool is_late(void);

#endif
