/* pam_guest: shared by the hooks. */
#pragma once

#include "refusal.h"
#include "request.h"

/* PAM data: set from an authentication that leased an account until the next one on the PAM handle. */
#define LEASE_DATA "guest-lease"

struct pam_handle;

/* The request from PAM's items, with their strings. */
struct request request_make(struct pam_handle *pamh, const struct passwd *account);

/* Reports the reason to the log and, unless PAM_SILENT is set, to the user; returns `result`. */
int refusal_report(struct pam_handle *pamh, int flags, const struct refusal *why, int result);
