/* pam_guest: whether a guest may unlock the screen of the session. */
#pragma once

#include <sys/types.h>

#include "refusal.h"

int unlock_is_marked(uid_t uid, struct refusal *why); /* 1: yes, 0: no */
