/* pam_guest: how greeters of display managers show a refusal. */
#pragma once

struct pam_handle;

/* `service` and `tty` are PAM's items, which tell the greeter. */
void refusal_show(struct pam_handle *pamh, const char *service, const char *tty, const char *sentence);
