// What was found of the current process of guest-holders: which sets of criteria it matches, and how.
#ifndef GUESTD_NOTES_H
#define GUESTD_NOTES_H

#include <stdbool.h>

enum { MOST_SETS = 1024 };

/** Notes that it matches a set. The first note stays. */
void note(unsigned set, const char *how);

void forget_notes(void);

bool has_notes(void);

/** Passes on each matched set. */
void each_note(void (*show)(unsigned set));

/** Whether a set is matched in this way. */
bool has_note_of(const char *how);

/**
 * Prints the new notes: " SET:HOW" each, with "=DETAIL" if given. Each set has a limited number, so one session cannot
 * lengthen the look for all others.
 */
void say_notes(const char *detail);

#endif
