/*
 * pam_guest: what guestd is asked. Plain data.
 */
#pragma once

#include <pwd.h>
#include <stdbool.h>

#include "answer.h"

#define ANSWER_MAX 64

/* To terms of use; empty where none were shown. */
struct reply {
        char digest[DIGEST_MAX + 1];
        char answer[ANSWER_MAX + 1]; /* what the guest has typed */
};

/* PAM items that are not set are empty strings. */
struct request {
        const struct passwd *account;
        const char *service;
        const char *tty;
        const char *rhost;
        const char *display;
        const char *seat; /* XDG_SEAT of PAM's environment, which is the caller's to set */
        struct reply reply;
        bool joins; /* a user manager: into the view of the account's session, instead of a session of its own */
};
