// Counts what is printed for each set. Knows no criteria.
#include "notes.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MOST_NAMED = 512 };

static const char *noted[MOST_SETS];
// In order; those before `said_count` were printed.
static unsigned touched[MOST_SETS];
static size_t touched_count, said_count;
static unsigned named[MOST_SETS];

void note(unsigned set, const char *how) {
  if (noted[set] != NULL) return;
  noted[set] = how;
  touched[touched_count++] = set;
}

void forget_notes(void) {
  for (size_t i = 0; i < touched_count; i++) noted[touched[i]] = NULL;
  touched_count = said_count = 0;
}

bool has_notes(void) { return touched_count > 0; }

void each_note(void (*show)(unsigned set)) {
  for (size_t i = 0; i < touched_count; i++) show(touched[i]);
}

bool has_note_of(const char *how) {
  for (size_t i = 0; i < touched_count; i++)
    if (strcmp(noted[touched[i]], how) == 0) return true;
  return false;
}

void say_notes(const char *detail) {
  for (; said_count < touched_count; said_count++) {
    const unsigned set = touched[said_count];
    if (named[set] == MOST_NAMED) continue;
    named[set]++;
    printf(" %u:%s%s%s", set, noted[set], detail == NULL ? "" : "=", detail == NULL ? "" : detail);
  }
}
