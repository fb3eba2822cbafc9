/*
 * pam_guest: the answer to OpenSession and JoinSession.
 */
#pragma once

#include <stdbool.h>

#include "answer.h"
#include "refusal.h"

struct sd_bus_message;

/* The session is to be given back by session_done(). */
int session_read(struct sd_bus_message *reply, bool joins, struct session *ret, struct refusal *why);
