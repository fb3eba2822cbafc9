// What guest-holders says of mount namespaces (holders.c).
#ifndef GUESTD_MOUNTS_H
#define GUESTD_MOUNTS_H

/** Says " mount PATH" of a process (an open directory), the first of a mount namespace with a mount that matches, or " unread". */
void say_mounts(int process);

#endif
