/*
 * pam_guest: how greeters of display managers show why a guest is refused.
 */
#pragma once

struct pam_handle;

/* Shows the sentence to the person, as it is seen where `service` and `tty` (PAM's items) are those of a greeter. */
void refusal_show(struct pam_handle *pamh, const char *service, const char *tty, const char *sentence);
