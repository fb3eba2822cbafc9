// What a look at one process, and at all processes of one user, may cost guest-holders (holders.c): any user can have processes that
// take minutes to be read.
#ifndef GUESTD_ALLOWANCE_H
#define GUESTD_ALLOWANCE_H

#include <stdbool.h>

/** Of the time so far, in microseconds: that of a processor, and a tenth of all. A busy machine makes no process large. */
long cost_so_far(void);

/** A look at a process (an open directory) begins: its cost is its user's. */
void start_process(int process);

/** A part of that look begins, which may cost so much. */
void start_part(long ms);

/** Whether the part, or its user, has used up what it may cost. True until the next part begins; false where none has begun. */
bool is_late(void);

#endif
