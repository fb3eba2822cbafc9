/*
 * pam_guest: what reading all answers of guestd has in common.
 */
#pragma once

#include <stddef.h>

#include "answer.h"
#include "refusal.h"

struct sd_bus_message;

/* An error reply to `method` becomes the refusal. */
int error_read(const char *method, struct sd_bus_message *reply, struct refusal *why);

/* 1 or 2 if a control character (C0, DEL, C1) begins here, that many bytes long; otherwise 0. */
size_t control_length(const char *text);

/* A string of 1 to `max` of these characters (NULL: of any) into to[max + 1]. */
int word_read(struct sd_bus_message *reply, const char *characters, char *to, size_t max);

/* A text of lines of 1 to `max` bytes into to[max + 1]. */
int text_read(struct sd_bus_message *reply, char *to, size_t max);

/* What fields_read() takes, of the fields of terms of use. */
int terms_read(struct sd_bus_message *reply, const char *name, struct terms *ret);

/* Terms come whole. */
int terms_check(const struct terms *terms, struct refusal *why);

/* Reads the value of the field of this name: 1; or does not know it, and reads nothing: 0. */
typedef int field_function(struct sd_bus_message *reply, const char *name, void *data);

/* Calls `field` for each field of the reply. */
int fields_read(struct sd_bus_message *reply, field_function *field, void *data, struct refusal *why);
