// The cost limits of guest-holders for each process and each user: any user can have processes that take minutes to
// read.
#ifndef GUESTD_ALLOWANCE_H
#define GUESTD_ALLOWANCE_H

#include <stdbool.h>

/** Processor time plus a tenth of real time, in microseconds. A busy machine must not make a process expensive. */
long cost_so_far(void);

/** Begins a look at a process (an open directory) at its user's cost. */
void start_process(int process);

/** Begins a part of that look, with its limit. */
void start_part(long ms);

/** Whether the part or its user is over the limit. True until the next part begins; false before the first. */
bool is_late(void);

#endif
