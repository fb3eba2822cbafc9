/* pam_guest: which users are guests. */
#pragma once

#include <pwd.h>

/* `space` has the strings of `account`. */
struct guest {
        struct passwd account;
        char *space;
};

/* 1 and *ret if the user is in the group, 0 if certainly not, a negative errno if unknown. */
int guest_find(const char *user, const char *group, struct guest *ret);
void guest_done(struct guest *guest);
