/* pam_guest: shared by the hooks. */
#pragma once

#include "refusal.h"
#include "request.h"

/* Set by an authentication that leased an account, until the next one on the PAM handle. */
#define LEASE_DATA "guest-lease"

struct pam_handle;

/* From PAM's items, with their strings. */
struct request request_make(struct pam_handle *pamh, const struct passwd *account);

/* Reports to the log and, without PAM_SILENT, to the user. Returns `result`. */
int refusal_report(struct pam_handle *pamh, int flags, const struct refusal *why, int result);
