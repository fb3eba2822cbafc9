// What was found of the process that guest-holders looks at: which sets of criteria it matches, and how.
#ifndef GUESTD_NOTES_H
#define GUESTD_NOTES_H

#include <stdbool.h>

enum { MOST_SETS = 1024 };

/** Notes that it matches a set. What is noted first stays. */
void note(unsigned set, const char *how);

void forget_notes(void);

bool has_notes(void);

/** Shows each set that is matched. */
void each_note(void (*show)(unsigned set));

/** Whether a set is matched in this way. */
bool has_note_of(const char *how);

/**
 * Says the notes that were not said yet: " SET:HOW" each, with "=DETAIL" behind it where one is given. Each set has so many named
 * and no more: one session cannot make the look of all the others long.
 */
void say_notes(const char *detail);

#endif
