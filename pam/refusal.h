/*
 * pam_guest: why a guest was turned away. Compiled into both shared objects, so that neither looks for symbols in the other.
 *
 * Conventions of the whole module: functions return 0 or a positive number when all is well and a negative errno when not;
 * those that take a `struct refusal` have filled it in when they return a negative number. There is nothing mutable at file
 * level anywhere: several threads of a host may be in the module.
 */
#pragma once

#include <errno.h>

#define SENTENCE_MAX 511 /* PAM_MAX_MSG_SIZE, less one; what is longer is cut */

struct refusal {
        char reason[768];                /* for the journal: step, what failed, errno */
        char sentence[SENTENCE_MAX + 1]; /* for the person, in guestd's words; empty: the module's own sentence */
};

/* Writes the reason (with the text of errno `error`, where that is negative); returns a negative errno. */
int refuse(struct refusal *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
