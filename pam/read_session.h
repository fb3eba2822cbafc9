/* pam_guest: the answer to OpenSession and JoinSession. */
#pragma once

#include <stdbool.h>

#include "answer.h"
#include "refusal.h"

struct sd_bus_message;

/* Free the session with session_done(). */
int session_read(struct sd_bus_message *reply, bool joins, struct session *ret, struct refusal *why);
