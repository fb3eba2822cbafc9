/* pam_guest: shared by the readers of guestd's answers. */
#pragma once

#include <stddef.h>

#include "answer.h"
#include "refusal.h"

struct sd_bus_message;

int error_read(const char *method, struct sd_bus_message *reply, struct refusal *why);

/* The length, 1 or 2 bytes, of a control character (C0, DEL, C1) at `text`; otherwise 0. */
size_t control_length(const char *text);

/* Reads 1 to `max` of these characters (NULL: any) into to[max + 1]. */
int word_read(struct sd_bus_message *reply, const char *characters, char *to, size_t max);

/* Reads lines of text, 1 to `max` bytes, into to[max + 1]. */
int text_read(struct sd_bus_message *reply, char *to, size_t max);

/* For a reader's field_function: reads the fields of terms of use. */
int terms_read(struct sd_bus_message *reply, const char *name, struct terms *ret);

/* Terms must be complete or absent. */
int terms_check(const struct terms *terms, struct refusal *why);

/* Reads the value of a known field and returns 1; otherwise 0. */
typedef int field_function(struct sd_bus_message *reply, const char *name, void *data);

int fields_read(struct sd_bus_message *reply, field_function *field, void *data, struct refusal *why);
