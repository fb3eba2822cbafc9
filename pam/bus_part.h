/* pam_guest: the calls of bus_call.h; loads pam_guest_bus.so for them. */
#pragma once

#include "answer.h"
#include "refusal.h"
#include "request.h"

int account_allocate(const struct request *request, unsigned seconds, struct verdict *ret, struct refusal *why);
int session_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why);
int session_close(const char *id, unsigned seconds, struct refusal *why);
