/*
 * pam_guest: the answers to AllocateAccount and MayUnlock.
 */
#pragma once

#include "answer.h"
#include "refusal.h"

struct sd_bus_message;

int verdict_read(struct sd_bus_message *reply, struct verdict *ret, struct refusal *why);
int permission_read(struct sd_bus_message *reply, struct refusal *why); /* 1: yes, 0: no */
