/* pam_guest: which users are guests. */
#pragma once

#include <pwd.h>

/* The account that logs in; the strings of `account` are in `space`. */
struct guest {
        struct passwd account;
        char *space;
};

/* 1 and *ret if the user is in the group, 0 if certainly not, a negative errno if unknown. */
int guest_find(const char *user, const char *group, struct guest *ret);
void guest_done(struct guest *guest);
