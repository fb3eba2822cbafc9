/* pam_guest: how greeters of display managers show why a guest is refused. */
#pragma once

struct pam_handle;

/* Shows the sentence in the way that suits the greeter of `service` and `tty` (PAM's items). */
void refusal_show(struct pam_handle *pamh, const char *service, const char *tty, const char *sentence);
