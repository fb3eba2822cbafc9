/*
 * pam_guest: what the hooks have in common.
 */
#pragma once

#include "refusal.h"
#include "request.h"

/* PAM data: set from the authentication that let a guest in as a leased account to the next one of the PAM handle. */
#define LEASE_DATA "guest-lease"

struct pam_handle;

/* The request as PAM knows it; its strings are those of PAM's items. */
struct request request_make(struct pam_handle *pamh, const struct passwd *account);

/* Says why to the log and, but for PAM_SILENT, to the person; returns `result`. */
int refusal_report(struct pam_handle *pamh, int flags, const struct refusal *why, int result);
