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

void note_the_mount(const struct mount *mount);

/**
 * Prints " unread-mounts", and " SET:mount=PATH" if the process (an open directory) is the first of its mount
 * namespace.
 */
void say_mounts(int process);

#endif
