/*
 * pam_guest: puts the session of a guest into the view that guestd has made for it. This file: the PAM hooks.
 *
 * It decides nothing but "is this a guest?": find the user, make one call, join, remember the id.
 * It must read no environment variable and no file of its own, and keep nothing but which session it entered.
 *
 *   not a guest                 PAM_IGNORE, no bus: everybody else logs in as if guestd were not installed
 *   a guest, anything wrong     PAM_SESSION_ERR: never a session without its view
 *   a guest in the view         PAM_SUCCESS
 */
#define PAM_SM_SESSION

#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "pam_guest.h"

#define SESSION_DATA "guest-session"
#define OPEN_SECONDS 5
#define OPEN_SECONDS_MAX 10
#define CLOSE_SECONDS 1

/* All that outlives the hook that opens. After the one that closes it is NULL. */
struct entered {
        uid_t uid;
        char id[ID_MAX + 1]; /* what close has to tell guestd; empty: nothing */
};

struct options {
        const char *group;
        unsigned seconds;
        bool debug;
};

/* timeout=: 1 to 10. More would break the promise that a login with a dead guestd ends in bounded time. */
static bool seconds_parse(const char *text, unsigned *ret)
{
        unsigned seconds = 0;

        if (strlen(text) < 1 || strlen(text) > 2 || strspn(text, "0123456789") != strlen(text))
                return false;
        for (; *text; text++)
                seconds = seconds * 10 + (unsigned) (*text - '0');
        if (seconds < 1 || seconds > OPEN_SECONDS_MAX)
                return false;
        *ret = seconds;
        return true;
}

/* A typing error must not keep anybody out, nor let a guest pass: what cannot be used is logged and its default stays. */
static struct options options_parse(pam_handle_t *pamh, int argc, const char **argv)
{
        struct options options = { .group = "guests", .seconds = OPEN_SECONDS };

        for (int i = 0; i < argc; i++) {
                bool good = true;

                if (strcmp(argv[i], "debug") == 0)
                        options.debug = true;
                else if (strncmp(argv[i], "group=", 6) == 0 && argv[i][6])
                        options.group = argv[i] + 6;
                else if (strncmp(argv[i], "timeout=", 8) == 0)
                        good = seconds_parse(argv[i] + 8, &options.seconds);
                else
                        good = false;
                if (!good)
                        pam_syslog(pamh, LOG_ERR, "option ignored: \"%s\" (known: group=NAME, timeout=1..%d, debug)",
                                   argv[i], OPEN_SECONDS_MAX);
        }
        return options;
}

static const char *item_string(pam_handle_t *pamh, int item)
{
        const void *value = NULL;

        if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || !value)
                return "";
        return value;
}

static void entered_free(pam_handle_t *pamh, void *data, int error_status)
{
        (void) pamh;
        (void) error_status;
        free(data);
}

static int entered_remember(pam_handle_t *pamh, const struct request *request, const char *id, struct refusal *why)
{
        struct entered *entered = calloc(1, sizeof(*entered));
        int r;

        if (!entered)
                return refuse(why, -ENOMEM, "session id");
        entered->uid = request->account->pw_uid;
        /* The end of a user manager is not the end of the session whose view it joined. */
        if (!request->joins)
                strcpy(entered->id, id);
        r = pam_set_data(pamh, SESSION_DATA, entered, entered_free);
        if (r == PAM_SUCCESS)
                return 0;
        free(entered);
        return refuse(why, 0, "session id: %s", pam_strerror(pamh, r));
}

/* True for a stack that names the module twice. A success without a call is safe: the data is set last of all, by this
 * thread after it joined the view for this uid, nobody else can set it, and a process does not leave its view. */
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

static int session_enter(pam_handle_t *pamh, const struct options *options, const struct guest *guest,
                         struct refusal *why)
{
        _cleanup_(session_done) struct session session = {};
        struct request request = {
                .account = &guest->account,
                .service = item_string(pamh, PAM_SERVICE),
                .tty = item_string(pamh, PAM_TTY),
                .rhost = item_string(pamh, PAM_RHOST),
        };
        int r;

        /* setns() holds for the calling thread alone: from another thread than the first, the host program would go on
         * outside the view with a success in its hand. */
        if (gettid() != getpid())
                return refuse(why, 0, "PAM was called from a thread that is not the main thread of its process");

        if (entered_before(pamh, guest->account.pw_uid))
                return 0;

        request.joins = strcmp(request.service, "systemd-user") == 0;
        r = session_obtain(&request, options->seconds, &session, why);
        if (r < 0)
                return r;
        r = view_join(&session, why);
        if (r < 0)
                return r;
        if (options->debug)
                pam_syslog(pamh, LOG_DEBUG, "session %s: in namespace %ju", session.id, (uintmax_t) session.inode);

        r = environment_set(pamh, &session, why);
        return r < 0 ? r : entered_remember(pamh, &request, session.id, why);
}

static int refusal_report(pam_handle_t *pamh, int flags, const struct refusal *why)
{
        const char *sentence = why->sentence;

        if (!sentence[0])
                sentence = "Guest sessions are not available at the moment. "
                           "Please ask the administrator of this machine.";
        pam_syslog(pamh, LOG_ERR, "guest refused: %s", why->reason);
        if (!(flags & PAM_SILENT))
                pam_error(pamh, "%s", sentence);
        return PAM_SESSION_ERR;
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
        if (r == 0) {
                if (options.debug)
                        pam_syslog(pamh, LOG_DEBUG, "not in group %s: nothing to do", options.group);
                return PAM_IGNORE;
        }
        if (r < 0)
                refuse(&why, r, "cannot tell whether the user is in group %s", options.group);
        else
                r = session_enter(pamh, &options, &guest, &why);

        return r < 0 ? refusal_report(pamh, flags, &why) : PAM_SUCCESS;
}

/* Runs inside the guest's view as root, where a host program calls it at all. guestd does not depend on it: the end of
 * the leader is the end of the session. So the result does not matter, and little time is given. */
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
        if (entered && entered->id[0] && session_close(entered->id, CLOSE_SECONDS, &why) < 0 && options.debug)
                pam_syslog(pamh, LOG_DEBUG, "session %s: %s", entered->id, why.reason);
        /* NULL stays for the second close of a stack that names the module twice; a further open makes a new call. */
        pam_set_data(pamh, SESSION_DATA, NULL, NULL);
        return PAM_SUCCESS;
}
