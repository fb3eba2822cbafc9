// Which sets of criteria the current process of guest-holders matches, and how.
#ifndef GUESTD_NOTES_H
#define GUESTD_NOTES_H

#include <stdbool.h>

enum { MOST_SETS = 1024 };

/** The first note for a set stays. */
void note(unsigned set, const char *how);

void forget_notes(void);

bool has_notes(void);

void each_note(void (*show)(unsigned set));

bool has_note_of(const char *how);

/**
 * Prints new notes: " SET:HOW", with "=DETAIL" if given. Limited for each set: one session must not lengthen the look
 * for others.
 */
void say_notes(const char *detail);

#endif
