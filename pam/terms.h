/* pam_guest: terms of use that a guest has to accept. */
#pragma once

#include "answer.h"
#include "request.h"

struct pam_handle;

/* Afterwards PAM's items, and thus a request's strings, may have changed. */
struct reply terms_ask(struct pam_handle *pamh, int flags, const struct terms *terms);
