/* pam_guest: the request to guestd as plain data. */
#pragma once

#include <pwd.h>
#include <stdbool.h>

#include "answer.h"

#define ANSWER_MAX 64

/* Empty where no terms were shown. */
struct reply {
        char digest[DIGEST_MAX + 1];
        char answer[ANSWER_MAX + 1]; /* the guest's input */
};

/* Unset PAM items are empty strings. */
struct request {
        const struct passwd *account;
        const char *service;
        const char *tty;
        const char *rhost;
        const char *display;
        const char *seat; /* XDG_SEAT of PAM's environment, set by the caller */
        struct reply reply;
        bool joins; /* a user manager: joins the session's view instead of opening one */
};
