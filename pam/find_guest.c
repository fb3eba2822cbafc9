/*
 * pam_guest: which users are guests. Reads only the account and group databases (NSS).
 *
 * It must never answer "not a guest" for "lookup failed": that would let a login pass unconfined. So it avoids
 * pam_modutil_*(), which do not distinguish them.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "find_guest.h"
#include "cleanup.h"

/* The ghost's UID: systemd/guest.user. */
#define GHOST_UID 60000

#define SPACE_MIN ((size_t) 4 << 10)
#define SPACE_MAX ((size_t) 16 << 20)

/* getpwnam(3), ERRORS: "no such name" is 0 or one of these. */
static bool means_absent(int error)
{
        return error == 0 || error == ENOENT || error == ESRCH;
}

/* getpwnam_r(3), getgrnam_r(3) and getgrgid_r(3) under one name. */
typedef int lookup(const void *key, void *ret, char *space, size_t size, bool *found);

static int account_look(const void *name, void *ret, char *space, size_t size, bool *found)
{
        struct passwd *account = NULL;
        int error = getpwnam_r(name, ret, space, size, &account);

        *found = account;
        return error;
}

static int group_look(const void *name, void *ret, char *space, size_t size, bool *found)
{
        struct group *group = NULL;
        int error = getgrnam_r(name, ret, space, size, &group);

        *found = group;
        return error;
}

static int gid_look(const void *gid, void *ret, char *space, size_t size, bool *found)
{
        struct group *group = NULL;
        int error = getgrgid_r(*(const gid_t *) gid, ret, space, size, &group);

        *found = group;
        return error;
}

/* 1 and *ret, whose strings are in *space; 0: no such entry. */
static int entry_read(lookup *look, const void *key, void *ret, char **space)
{
        for (size_t size = SPACE_MIN; size <= SPACE_MAX; size *= 2) {
                _cleanup_free_ char *buffer = malloc(size);
                bool found;
                int error;

                if (!buffer)
                        return -ENOMEM;
                error = look(key, ret, buffer, size, &found);
                if (found) {
                        *space = buffer;
                        buffer = NULL;
                        return 1;
                }
                if (error != ERANGE && error != EINTR)
                        return means_absent(error) ? 0 : -error;
        }
        return -ERANGE;
}

/* Groups from all sources of nsswitch.conf, as initgroups(3) sets them. */
static int groups_contain(const struct passwd *account, gid_t gid)
{
        int size = 64;

        while (size <= NGROUPS_MAX) {
                _cleanup_free_ gid_t *list = calloc((size_t) size, sizeof(gid_t));
                int count = size;

                if (!list)
                        return -ENOMEM;
                if (getgrouplist(account->pw_name, account->pw_gid, list, &count) >= 0) {
                        for (int i = 0; i < count; i++)
                                if (list[i] == gid)
                                        return 1;
                        return 0;
                }
                if (count <= size) /* glibc: out of memory */
                        return -ENOMEM;
                size = count;
        }
        return -E2BIG;
}

static int group_has(const struct group *group, const struct passwd *account)
{
        if (account->pw_gid == group->gr_gid)
                return 1;
        /* The group's own list first: it was just read without an error, while getgrouplist(3) skips failing
         * sources. */
        for (char **member = group->gr_mem; member && *member; member++)
                if (strcmp(*member, account->pw_name) == 0)
                        return 1;
        return groups_contain(account, group->gr_gid);
}

/* Without the group there are no guests. But an unavailable source also reports "absent". Then the ghost, in the group
 * by its own number, would log in without a view. So if that number has no name either, the result is unknown. Other
 * users can log in meanwhile. */
static int group_lost(const struct passwd *account)
{
        _cleanup_free_ char *space = NULL;
        struct group entry;
        int r;

        if (account->pw_uid != GHOST_UID)
                return 0;
        r = entry_read(gid_look, &account->pw_gid, &entry, &space);
        return r > 0 ? 0 : r < 0 ? r : -ENODATA;
}

int guest_find(const char *user, const char *group, struct guest *ret)
{
        _cleanup_free_ char *space = NULL;
        struct group entry;
        int r;

        r = entry_read(account_look, user, &ret->account, &ret->space);
        if (r <= 0) /* an unknown user has no groups, and no session to open */
                return r;

        r = entry_read(group_look, group, &entry, &space);
        if (r == 0)
                return group_lost(&ret->account);
        if (r > 0)
                r = group_has(&entry, &ret->account);
        /* Root must be able to log in and repair the group database. guestd opens no session for UID 0 anyway. */
        return r < 0 && ret->account.pw_uid == 0 ? 0 : r;
}

void guest_done(struct guest *guest)
{
        free_pointer(&guest->space);
}
