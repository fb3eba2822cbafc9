/*
 * pam_guest: what the files of the module share.
 *
 * Conventions: functions return 0 or a positive number when all is well and a negative errno when not;
 * those that take a `struct refusal` have filled it in when they return a negative number.
 *
 * There is nothing mutable at file level anywhere in the module: several threads of a host may be in it.
 */
#pragma once

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(free_pointer)
#define _cleanup_close_ _cleanup_(close_descriptor)

/* The bounds of what guestd may send: whatever is longer is refused, but for the sentence, which is cut. */
#define ID_MAX 64
#define USER_MAX 32
#define NAMESPACE_MAX 48
#define ENVIRONMENT_MAX 64
#define VARIABLE_MAX 4096
#define SENTENCE_MAX 511 /* PAM_MAX_MSG_SIZE, less one */

struct pam_handle;
struct sd_bus_message;

/* What stands behind the module's name in a stack. */
struct options {
        const char *group;
        unsigned seconds;
        bool debug;
};

/* Why a guest was turned away. */
struct refusal {
        char reason[768];                /* for the journal: step, what failed, errno */
        char sentence[SENTENCE_MAX + 1]; /* for the person, in guestd's words; empty: the module's own sentence */
};

/* PAM data: set from the authentication that let somebody in as a leased account to the next one of the PAM handle. */
#define LEASE_DATA "guest-lease"

/* The account that logs in; the strings of `account` live in `space`. */
struct guest {
        struct passwd account;
        char *space;
};

/* What guestd is asked. PAM items that are not set are empty strings. */
struct request {
        const struct passwd *account;
        const char *service;
        const char *tty;
        const char *rhost;
        bool joins; /* a user manager: into the view of the account's session, instead of a session of its own */
};

/* What guestd says of somebody who is to be authenticated. */
struct verdict {
        enum { VERDICT_NONE, VERDICT_IGNORED, VERDICT_UNLOCKED, VERDICT_LEASED } kind;
        char user[USER_MAX + 1]; /* the account that is leased */
};

/* The namespaces a session can have, in the order in which they are joined. */
enum namespace_kind { NAMESPACE_MOUNT, NAMESPACE_IPC, NAMESPACE_PID, NAMESPACES };

/* Where guestd holds a namespace, and its number; a session that has none of this kind: empty, and 0. */
struct place {
        char path[NAMESPACE_MAX + 1];
        uint64_t inode;
};

/* What guestd answered, copied out of the message and within the bounds above. */
struct session {
        char id[ID_MAX + 1];
        struct place places[NAMESPACES];
        char *environment[ENVIRONMENT_MAX + 1]; /* NAME=value, NULL at the end */
};

static inline void free_pointer(void *pointer)
{
        int saved = errno;

        free(*(void **) pointer);
        errno = saved;
}

static inline void close_descriptor(const int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                close(*fd);
        errno = saved;
}

/* outcome.c: writes the reason (with the text of errno `error`, where that is negative); returns a negative errno. */
int refuse(struct refusal *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* outcome.c: gives back what is in a session. */
void session_done(struct session *session);

/* options.c: what cannot be used is logged, and its default stays. */
struct options options_parse(struct pam_handle *pamh, int argc, const char **argv);

/* hook_common.c: the request as PAM knows it; its strings are those of PAM's items. */
struct request request_make(struct pam_handle *pamh, const struct passwd *account);
/* hook_common.c: says why to the log and, but for PAM_SILENT, to the person; returns `result`. */
int refusal_report(struct pam_handle *pamh, int flags, const struct refusal *why, int result);

/* find_guest.c: 1 and *ret if the user is in the group, 0 if certainly not, a negative errno if nobody can tell. */
int guest_find(const char *user, const char *group, struct guest *ret);
void guest_done(struct guest *guest);

/* bus_part.c: the calls of bus_call.c, which is loaded for them. */
int account_allocate(const struct request *request, unsigned seconds, struct verdict *ret, struct refusal *why);
int guest_may_unlock(unsigned seconds, struct refusal *why);
int session_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why);
int session_close(const char *id, unsigned seconds, struct refusal *why);

/* bus_call.c: each connects, calls and disconnects, all of it within `seconds`. */
int guest_bus_allocate(const struct request *request, unsigned seconds, struct verdict *ret, struct refusal *why);
int guest_bus_may_unlock(unsigned seconds, struct refusal *why); /* 1: yes, 0: no */
int guest_bus_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why);
int guest_bus_close(const char *id, unsigned seconds, struct refusal *why);

/* read_reply.c: an error reply to `method` becomes the refusal. */
int error_read(const char *method, struct sd_bus_message *reply, struct refusal *why);
/* read_reply.c: 1 or 2 if a control character (C0, DEL, C1) begins here, that many bytes long; otherwise 0. */
size_t control_length(const char *text);

/* read_reply.c: a string of 1 to `max` of these characters (NULL: of any) into to[max + 1]. */
int word_read(struct sd_bus_message *reply, const char *characters, char *to, size_t max);

/* Reads the value of the field of this name: 1; or does not know it, and reads nothing: 0. */
typedef int field_function(struct sd_bus_message *reply, const char *name, void *data);

/* read_reply.c: calls `field` for each field of the reply. */
int fields_read(struct sd_bus_message *reply, field_function *field, void *data, struct refusal *why);

/* read_session.c: the answer to OpenSession or JoinSession; the session is to be given back. */
int session_read(struct sd_bus_message *reply, bool joins, struct session *ret, struct refusal *why);
/* read_verdict.c: the answers to AllocateAccount and MayUnlock (1: yes, 0: no). */
int verdict_read(struct sd_bus_message *reply, struct verdict *ret, struct refusal *why);
int permission_read(struct sd_bus_message *reply, struct refusal *why);

/* seal_descriptors.c: closes open directories on exec; changes nothing before it refuses one that is 0, 1 or 2. */
int descriptors_seal(struct refusal *why);

/* join_ns.c: takes the process into the session's namespaces. Refused before the first of them, it is where it was. */
int session_join(const struct session *session, struct refusal *why);
/* join_ns.c: children are born in the process's own PID namespace again. */
int children_return(struct refusal *why);
