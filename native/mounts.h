// What guest-holders sees of mount namespaces (holders.c, members.c).
#ifndef GUESTD_MOUNTS_H
#define GUESTD_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/** How the reading of a mount table has ended: BROKEN_OFF where whose it is has used up what they may cost (allowance.h). */
enum reading { READ, LATE, BROKEN_OFF, GONE };

/** Shows each mount of a thread (an open directory): its device, root, path and source. In bounded time. */
struct mount;
enum reading each_mount(int thread, void (*show)(const struct mount *));

/** Notes the sets that look for a mount. */
void note_the_mount(const struct mount *mount);

/** Says " SET:mount=PATH" of a process (an open directory), the first of a mount namespace with mounts that match, and " unread-mounts". */
void say_mounts(int process);

#endif
