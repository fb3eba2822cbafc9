/* pam_guest: no directory of the host enters the view as a descriptor. */
#pragma once

#include "refusal.h"

/* Marks open directories close-on-exec; if one is 0, 1 or 2 it refuses before it changes anything. */
int descriptors_seal(struct refusal *why);
