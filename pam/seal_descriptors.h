/* pam_guest: no directory of the host enters the view as a descriptor. */
#pragma once

#include "refusal.h"

/* Closes open directories on exec. If 0, 1 or 2 is one, refuses before changing anything. */
int descriptors_seal(struct refusal *why);
