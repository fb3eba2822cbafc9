/*
 * pam_guest: no directory of the host goes along into the view as a descriptor.
 */
#pragma once

#include "refusal.h"

/* Closes open directories on exec; changes nothing before it refuses one that is 0, 1 or 2. */
int descriptors_seal(struct refusal *why);
