/*
 * pam_guest: what guestd is asked. Plain data.
 */
#pragma once

#include <pwd.h>
#include <stdbool.h>

/* PAM items that are not set are empty strings. */
struct request {
        const struct passwd *account;
        const char *service;
        const char *tty;
        const char *rhost;
        const char *display;
        const char *seat; /* XDG_SEAT of PAM's environment, which is the caller's to set */
        bool joins; /* a user manager: into the view of the account's session, instead of a session of its own */
};
