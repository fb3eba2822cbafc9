/*
 * pam_guest: the session hooks, which put a guest's session into its view.
 *
 * It decides only whether the user is a guest. It must read no environment of the process and no file, and remember
 * only which session it entered.
 *
 *   not a guest                 PAM_IGNORE, no bus: others log in as if guestd were not installed
 *   a guest, any failure        PAM_SESSION_ERR: never a session without its view
 *   a guest in the view         PAM_SUCCESS
 */
#define PAM_SM_SESSION

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "bus_part.h"
#include "find_guest.h"
#include "hook_common.h"
#include "join_ns.h"
#include "options.h"
#include "terms.h"

#define SESSION_DATA "guest-session"
#define CLOSE_SECONDS 3

/* Outlives the opening hook. NULL after the closing one. */
struct entered {
        uid_t uid;
        char id[ID_MAX + 1]; /* for CloseSession; empty: makes no call */
        bool processes;      /* until close, children are in the session's PID namespace */
};

static void entered_free(pam_handle_t *pamh, void *data, int error_status)
{
        (void) pamh;
        (void) error_status;
        free(data);
}

static int entered_remember(pam_handle_t *pamh, const struct request *request, const struct session *session,
                            struct refusal *why)
{
        struct entered *entered = calloc(1, sizeof(*entered));
        int r;

        if (!entered)
                return refuse(why, -ENOMEM, "session id");
        entered->uid = request->account->pw_uid;
        /* A user manager's end does not end the session that it joined. */
        if (!request->joins)
                strcpy(entered->id, session->id);
        entered->processes = session->namespaces[NAMESPACE_PID].inode != 0;
        r = pam_set_data(pamh, SESSION_DATA, entered, entered_free);
        if (r == PAM_SUCCESS)
                return 0;
        free(entered);
        return refuse(why, 0, "session id: %s", pam_strerror(pamh, r));
}

/* For a stack that names the module twice. Success is safe: only this module sets the data, after joining the view for
 * this UID. A process does not leave its view. */
static bool entered_before(pam_handle_t *pamh, uid_t uid)
{
        const void *data = NULL;

        return pam_get_data(pamh, SESSION_DATA, &data) == PAM_SUCCESS && data &&
               ((const struct entered *) data)->uid == uid;
}

static int environment_set(pam_handle_t *pamh, const struct session *session, struct refusal *why)
{
        for (char *const *entry = session->environment; *entry; entry++) {
                int r = pam_putenv(pamh, *entry);

                if (r != PAM_SUCCESS)
                        return refuse(why, 0, "environment: %s", pam_strerror(pamh, r));
        }
        return 0;
}

/* Inside the view: if this fails, the process has to end. */
static int session_finish(pam_handle_t *pamh, const struct request *request, const struct session *session,
                          struct refusal *why)
{
        struct refusal ignored = {};
        int r = environment_set(pamh, session, why);

        if (r == 0)
                r = entered_remember(pamh, request, session, why);
        if (r < 0 && session->namespaces[NAMESPACE_PID].inode)
                children_return(&ignored);
        return r;
}

/* As verdict_obtain(): a shared account is asked for terms here. */
static int session_ask(pam_handle_t *pamh, int flags, const struct options *options, struct request *request,
                       struct session *ret, struct refusal *why)
{
        struct reply reply;
        int r = session_obtain(request, options->seconds, ret, why);

        if (r < 0 || !ret->terms.text[0])
                return r;
        reply = terms_ask(pamh, flags, &ret->terms);
        *request = request_make(pamh, request->account);
        request->reply = reply;
        ret->terms = (struct terms) {};
        r = session_obtain(request, options->seconds, ret, why);
        return r == 0 && ret->terms.text[0] ? refuse(why, 0, "guestd asks for its terms again") : r;
}

static int session_enter(pam_handle_t *pamh, int flags, const struct options *options, const struct guest *guest,
                         struct refusal *why)
{
        _cleanup_(session_done) struct session session = {};
        struct request request = request_make(pamh, &guest->account);
        int r;

        /* setns() affects only the calling thread: another one would leave the application outside the view. */
        if (gettid() != getpid())
                return refuse(why, 0, "PAM was called from a thread that is not the main thread of its process");

        if (entered_before(pamh, guest->account.pw_uid))
                return 0;

        request.joins = strcmp(request.service, "systemd-user") == 0;
        r = session_ask(pamh, flags, options, &request, &session, why);
        if (r < 0)
                return r;
        r = session_join(&session, why);
        if (r < 0)
                return r;
        if (options->debug)
                pam_syslog(pamh, LOG_DEBUG, "session %s: in namespace %ju%s%s", session.id,
                           (uintmax_t) session.namespaces[NAMESPACE_MOUNT].inode,
                           session.namespaces[NAMESPACE_IPC].inode ? ", with IPC of its own" : "",
                           session.namespaces[NAMESPACE_PID].inode ? ", with processes of its own" : "");
        r = session_finish(pamh, &request, &session, why);
        if (r == 0 && session.notice[0] && !(flags & PAM_SILENT))
                pam_info(pamh, "%s", session.notice);
        return r;
}

/* Whether this login got a leased account, whatever its name is now. */
static bool lease_is_held(pam_handle_t *pamh)
{
        const void *data = NULL;

        return pam_get_data(pamh, LEASE_DATA, &data) == PAM_SUCCESS && data;
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct options options = options_parse(pamh, argc, argv);
        _cleanup_(guest_done) struct guest guest = {};
        struct refusal why = {};
        const char *user = NULL;
        int r;

        r = pam_get_user(pamh, &user, NULL);
        if (r != PAM_SUCCESS || !user) {
                pam_syslog(pamh, LOG_ERR, "no user name: %s", pam_strerror(pamh, r));
                return PAM_SESSION_ERR;
        }

        r = guest_find(user, options.group, &guest);
        if (r == 0 && lease_is_held(pamh)) {
                refuse(&why, 0, "leased account %s has been taken back", user);
                return refusal_report(pamh, flags, &why, PAM_SESSION_ERR);
        }
        if (r == 0) {
                if (options.debug)
                        pam_syslog(pamh, LOG_DEBUG, "not in group %s: nothing to do", options.group);
                return PAM_IGNORE;
        }
        if (r < 0)
                refuse(&why, r, "cannot tell whether the user is in group %s", options.group);
        else
                r = session_enter(pamh, flags, &options, &guest, &why);

        return r < 0 ? refusal_report(pamh, flags, &why, PAM_SESSION_ERR) : PAM_SUCCESS;
}

/* Runs in the view as root, if the application calls it. The session ends with its leader anyway, so failures do not
 * matter, and the time is short. */
int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct options options = options_parse(pamh, argc, argv);
        struct refusal why = {};
        const void *data = NULL;
        const struct entered *entered;

        (void) flags;
        if (pam_get_data(pamh, SESSION_DATA, &data) != PAM_SUCCESS)
                return PAM_IGNORE;
        entered = data;
        /* First: no later fork may be among the guest's processes. */
        if (entered && entered->processes && children_return(&why) < 0)
                pam_syslog(pamh, LOG_WARNING, "session %s: %s", entered->id, why.reason);
        if (entered && entered->id[0] && session_close(entered->id, CLOSE_SECONDS, &why) < 0 && options.debug)
                pam_syslog(pamh, LOG_DEBUG, "session %s: %s", entered->id, why.reason);
        /* NULL stays for a stack that names the module twice. A later open makes a new call. */
        pam_set_data(pamh, SESSION_DATA, NULL, NULL);
        return PAM_SUCCESS;
}
