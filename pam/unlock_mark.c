/*
 * pam_guest: whether a guest may unlock the screen. While the session is open, guestd marks that with an empty file of
 * root's for the UID (src/system/unlock-marks.ts).
 *
 * Makes no call: a screen locker runs as its guest, and guests may not call guestd. Opens no file: only root can create
 * files below /run, so none replaces the one that lstat(2) sees.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "unlock_mark.h"

#define MARKS "/run/guestd-unlock"

/* 1: there, as guestd creates it; 0: not there. */
static int path_check(const char *path, mode_t type, struct refusal *why)
{
        struct stat found;

        if (lstat(path, &found) < 0)
                return errno == ENOENT ? 0 : refuse(why, -errno, "%s", path);
        if ((found.st_mode & S_IFMT) != type || found.st_uid != 0 || (found.st_mode & (S_IWGRP | S_IWOTH)))
                return refuse(why, 0, "%s is not as guestd makes it", path);
        return 1;
}

int unlock_is_marked(uid_t uid, struct refusal *why)
{
        char path[sizeof(MARKS "/4294967295")];
        int r = path_check(MARKS, S_IFDIR, why);

        if (r <= 0)
                return r;
        snprintf(path, sizeof(path), MARKS "/%" PRIu32, (uint32_t) uid);
        return path_check(path, S_IFREG, why);
}
