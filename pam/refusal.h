/*
 * pam_guest: why a guest was refused. Compiled into both shared objects, so neither needs symbols of the other.
 *
 * In the whole module, functions return 0 or a positive number, or a negative errno on failure. On failure they fill in
 * the `struct refusal` that they take. There is no mutable data at file level: several threads may be in the module.
 */
#pragma once

#include <errno.h>

#define SENTENCE_MAX 511 /* PAM_MAX_MSG_SIZE - 1; longer texts are cut */

struct refusal {
        char reason[768];                /* for the journal: step, object, errno */
        char sentence[SENTENCE_MAX + 1]; /* for the user, by guestd; empty: the module's own sentence */
};

/* Writes the reason (with the text of errno `error`, if negative). Returns a negative errno. */
int refuse(struct refusal *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
