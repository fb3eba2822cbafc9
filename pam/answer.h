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
#define NOTICE_MAX 2048
#define TERMS_MAX 10240
#define DIGEST_MAX 64

/* Terms of use that the guest has to accept before guestd goes on; of a guestd that has none to be accepted: empty. */
struct terms {
        char text[TERMS_MAX + 1];
        char digest[DIGEST_MAX + 1];
};

/* Of a person who is to be authenticated. */
struct verdict {
        enum { VERDICT_NONE, VERDICT_IGNORED, VERDICT_UNLOCKED, VERDICT_LEASED, VERDICT_TERMS } kind;
        char user[USER_MAX + 1]; /* the account that is leased */
        struct terms terms;
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
        char notice[NOTICE_MAX + 1];            /* what the guest is told on the way in; empty: nothing */
        struct terms terms;                     /* instead of all that */
};

/* Gives back what is in a session. */
static inline void session_done(struct session *session)
{
        for (char **entry = session->environment; *entry; entry++)
                free_pointer(entry);
}
