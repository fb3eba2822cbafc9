/*
 * pam_guest: what guestd answers, copied out of its messages. Plain data, within bounds: whatever is longer is refused.
 */
#pragma once

#include <stdint.h>

#include "cleanup.h"

#define ID_MAX 64
#define USER_MAX 32
#define NAMESPACE_MAX 48
#define ENVIRONMENT_MAX 64
#define VARIABLE_MAX 4096

/* Of a person who is to be authenticated. */
struct verdict {
        enum { VERDICT_NONE, VERDICT_IGNORED, VERDICT_UNLOCKED, VERDICT_LEASED } kind;
        char user[USER_MAX + 1]; /* the account that is leased */
};

/* The namespaces a session can have, in the order in which they are joined. */
enum namespace_kind { NAMESPACE_MOUNT, NAMESPACE_IPC, NAMESPACE_PID, NAMESPACES };

/* The descriptor of guestd's that is a namespace, and its number; of a kind that a session does not have: empty, and 0. */
struct namespace_ref {
        char path[NAMESPACE_MAX + 1];
        uint64_t inode;
};

/* Of a session that is entered. */
struct session {
        char id[ID_MAX + 1];
        struct namespace_ref namespaces[NAMESPACES];
        char *environment[ENVIRONMENT_MAX + 1]; /* NAME=value, NULL at the end */
};

/* Gives back what is in a session. */
static inline void session_done(struct session *session)
{
        for (char **entry = session->environment; *entry; entry++)
                free_pointer(entry);
}
