/* pam_guest: the calls of pam_guest_bus.so. Each connects, calls and disconnects within `seconds`. */
#pragma once

#include "answer.h"
#include "refusal.h"
#include "request.h"

int guest_bus_allocate(const struct request *request, unsigned seconds, struct verdict *ret, struct refusal *why);
int guest_bus_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why);
int guest_bus_close(const char *id, unsigned seconds, struct refusal *why);
