/*
 * pam_guest: whether a guest may unlock the screen of the session. guestd marks that by an empty file of root's for the uid,
 * as long as the session is open (src/system/unlock-marks.ts).
 *
 * A screen lock runs as its guest, and guests may not send a thing to guestd. So it must look, and call nobody. It opens
 * and reads nothing: only root can make something below /run, so what lstat(2) sees is not exchanged.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "unlock_mark.h"

#define MARKS "/run/guestd-unlock"

/* 1: there, and such as guestd makes it; 0: not there. */
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
