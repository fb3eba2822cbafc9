/*
 * pam_guest: who is a guest.
 */
#pragma once

#include <pwd.h>

/* The account that logs in; the strings of `account` live in `space`. */
struct guest {
        struct passwd account;
        char *space;
};

/* 1 and *ret if the user is in the group, 0 if certainly not, a negative errno if it cannot be told. */
int guest_find(const char *user, const char *group, struct guest *ret);
void guest_done(struct guest *guest);
