/* pam_guest: the answer to AllocateAccount. */
#pragma once

#include "answer.h"
#include "refusal.h"

struct sd_bus_message;

int verdict_read(struct sd_bus_message *reply, struct verdict *ret, struct refusal *why);
