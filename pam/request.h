/* pam_guest: the request to guestd. Plain data. */
#pragma once

#include <pwd.h>
#include <stdbool.h>

#include "answer.h"

#define ANSWER_MAX 64

/* The answer to terms of use; empty where none were shown. */
struct reply {
        char digest[DIGEST_MAX + 1];
        char answer[ANSWER_MAX + 1]; /* the guest's input */
};

/* PAM items that are not set are empty strings. */
struct request {
        const struct passwd *account;
        const char *service;
        const char *tty;
        const char *rhost;
        const char *display;
        const char *seat; /* XDG_SEAT of PAM's environment, which the caller sets */
        struct reply reply;
        bool joins; /* a user manager, which joins the view of the account's session instead of opening one */
};
