/* pam_guest: guestd's answers, copied out of its messages. Plain data with fixed limits: longer values are refused. */
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

/* Terms of use that the guest has to accept before guestd continues; empty when there are none. */
struct terms {
        char text[TERMS_MAX + 1];
        char digest[DIGEST_MAX + 1];
};

/* The verdict on an authentication. */
struct verdict {
        enum { VERDICT_NONE, VERDICT_IGNORED, VERDICT_UNLOCKED, VERDICT_LEASED, VERDICT_TERMS } kind;
        char user[USER_MAX + 1]; /* the leased account */
        struct terms terms;
};

/* The namespaces a session can have, in the order in which they are joined. */
enum namespace_kind { NAMESPACE_MOUNT, NAMESPACE_IPC, NAMESPACE_PID, NAMESPACES };

/* The descriptor of guestd's that is a namespace, and its inode; empty and 0 for a kind that the session lacks. */
struct namespace_ref {
        char path[NAMESPACE_MAX + 1];
        uint64_t inode;
};

/* A session to enter. */
struct session {
        char id[ID_MAX + 1];
        struct namespace_ref namespaces[NAMESPACES];
        char *environment[ENVIRONMENT_MAX + 1]; /* NAME=value, NULL at the end */
        char notice[NOTICE_MAX + 1];            /* for the guest on the way in; empty: none */
        struct terms terms;                     /* instead of all that */
};

/* Frees the contents of a session. */
static inline void session_done(struct session *session)
{
        for (char **entry = session->environment; *entry; entry++)
                free_pointer(entry);
}
