// What guest-holders sees of mount namespaces (holders.c, members.c).
#ifndef GUESTD_MOUNTS_H
#define GUESTD_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/** How reading a mount table ended. BROKEN_OFF: its owner is over their allowance (allowance.h). */
enum reading { READ, LATE, BROKEN_OFF, GONE };

/** Passes on each mount of a thread (an open directory), in bounded time. */
struct mount;
enum reading each_mount(int thread, void (*show)(const struct mount *));

/** Notes the sets that look for a mount. */
void note_the_mount(const struct mount *mount);

/**
 * Prints " SET:mount=PATH" of a process (an open directory), if it is the first of a matching mount namespace, and "
 * unread-mounts".
 */
void say_mounts(int process);

#endif
