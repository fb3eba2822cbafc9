/* pam_guest: guestd's answers as plain data. Longer values are refused. */
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

/* Terms of use to accept before guestd continues; empty if none. */
struct terms {
        char text[TERMS_MAX + 1];
        char digest[DIGEST_MAX + 1];
};

struct verdict {
        enum { VERDICT_NONE, VERDICT_IGNORED, VERDICT_UNLOCKED, VERDICT_LEASED, VERDICT_TERMS } kind;
        char user[USER_MAX + 1]; /* the leased account */
        struct terms terms;
};

/* In the order in which they are joined. */
enum namespace_kind { NAMESPACE_MOUNT, NAMESPACE_IPC, NAMESPACE_PID, NAMESPACES };

/* A descriptor of guestd's, and the namespace's inode; empty and 0 if the session has none. */
struct namespace_ref {
        char path[NAMESPACE_MAX + 1];
        uint64_t inode;
};

struct session {
        char id[ID_MAX + 1];
        struct namespace_ref namespaces[NAMESPACES];
        char *environment[ENVIRONMENT_MAX + 1]; /* NAME=value, NULL at the end */
        char notice[NOTICE_MAX + 1];            /* for the guest on the way in, or empty */
        struct terms terms;                     /* instead of all that */
};

static inline void session_done(struct session *session)
{
        for (char **entry = session->environment; *entry; entry++)
                free_pointer(entry);
}
