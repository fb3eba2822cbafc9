/*
 * pam_guest: why a guest was refused. Compiled into both shared objects, so neither looks for symbols in the other.
 *
 * Conventions of the whole module: functions return 0 or a positive number on success and a negative errno on
 * failure; those that take a `struct refusal` fill it in when they fail. There is no mutable data at file level:
 * several threads of an application may be in the module.
 */
#pragma once

#include <errno.h>

#define SENTENCE_MAX 511 /* PAM_MAX_MSG_SIZE - 1; longer texts are cut */

struct refusal {
        char reason[768];                /* for the journal: step, object, errno */
        char sentence[SENTENCE_MAX + 1]; /* for the user, in guestd's words; empty: the module's own sentence */
};

/* Writes the reason (with the text of errno `error`, if negative); returns a negative errno. */
int refuse(struct refusal *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
