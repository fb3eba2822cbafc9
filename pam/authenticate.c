/*
 * pam_guest: the hooks of authentication. guestd decides whether guests need no password, and as whom they log in.
 *
 *   not a guest, or "ignored"        PAM_IGNORE: the stack continues as if this module were not there
 *   a remote guest                   the same, without asking guestd: attackers there try passwords all day
 *   "leased", "unlocked"             PAM_SUCCESS; "leased" sets PAM_USER to the leased account
 *   a guest, any failure             PAM_AUTH_ERR if the caller is root: a login program
 *                                    PAM_IGNORE otherwise: a screen locker, which can ask for a password
 *
 * It must never answer PAM_SUCCESS for an account outside the group of guests. It reads no environment of the process.
 */
#define PAM_SM_AUTH

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "bus_part.h"
#include "find_guest.h"
#include "hook_common.h"
#include "options.h"
#include "terms.h"
#include "unlock_mark.h"

/* Whatever guestd says, without a password only users log in that the session hook puts into a view. */
static int lease_check(const char *user, const char *group, struct refusal *why)
{
        _cleanup_(guest_done) struct guest guest = {};
        int r = guest_find(user, group, &guest);

        if (r < 0)
                return refuse(why, r, "leased account %s: cannot tell whether it is in group %s", user, group);
        if (r == 0 || guest.account.pw_uid == 0)
                return refuse(why, 0, "leased account %s is not a guest of group %s", user, group);
        return 0;
}

/* guestd creates and stores nothing until the terms are accepted, and is asked again then. */
static int verdict_obtain(pam_handle_t *pamh, int flags, const struct options *options, const struct guest *guest,
                          struct verdict *ret, struct refusal *why)
{
        struct request request = request_make(pamh, &guest->account);
        struct verdict first = {};
        struct reply reply;
        int r = account_allocate(&request, options->seconds, &first, why);

        if (r < 0 || first.kind != VERDICT_TERMS) {
                *ret = first;
                return r;
        }
        reply = terms_ask(pamh, flags, &first.terms);
        request = request_make(pamh, &guest->account);
        request.reply = reply;
        r = account_allocate(&request, options->seconds, ret, why);
        return r == 0 && ret->kind == VERDICT_TERMS ? refuse(why, 0, "guestd asks for its terms again") : r;
}

/* The guest's strings are copies: PAM_USER may change. */
static int account_take(pam_handle_t *pamh, int flags, const struct options *options, const struct guest *guest,
                        struct verdict *ret, struct refusal *why)
{
        int r = verdict_obtain(pamh, flags, options, guest, ret, why);

        if (r < 0 || ret->kind != VERDICT_LEASED)
                return r;
        r = lease_check(ret->user, options->group, why);
        if (r < 0)
                return r;
        /* For the session hook: to it, a leased account withdrawn meanwhile is an unknown user, and thus no guest. */
        r = pam_set_data(pamh, LEASE_DATA, pamh, NULL);
        if (r == PAM_SUCCESS)
                r = pam_set_item(pamh, PAM_USER, ret->user);
        return r == PAM_SUCCESS ? 0 : refuse(why, 0, "leased account %s: %s", ret->user, pam_strerror(pamh, r));
}

/* No guest logs in remotely without a password, whatever guestd.conf says: guestd would answer "ignored". */
static bool request_is_remote(pam_handle_t *pamh, const struct guest *guest)
{
        return request_make(pamh, &guest->account).rhost[0] != '\0';
}

static int guest_admit(pam_handle_t *pamh, int flags, const struct options *options, const struct guest *guest)
{
        struct verdict verdict = {};
        struct refusal why = {};

        if (request_is_remote(pamh, guest)) {
                if (options->debug)
                        pam_syslog(pamh, LOG_DEBUG, "a guest from a remote host: nothing to do");
                return PAM_IGNORE;
        }
        if (account_take(pamh, flags, options, guest, &verdict, &why) < 0)
                return refusal_report(pamh, flags, &why, PAM_AUTH_ERR);
        if (options->debug)
                pam_syslog(pamh, LOG_DEBUG, "guest %s", verdict.kind == VERDICT_LEASED     ? verdict.user
                                                        : verdict.kind == VERDICT_UNLOCKED ? "unlocked"
                                                                                           : "ignored");
        return verdict.kind == VERDICT_IGNORED ? PAM_IGNORE : PAM_SUCCESS;
}

/* For the guest's own program, such as a screen locker, which runs as `uid`. */
static int guest_unlock(pam_handle_t *pamh, const struct options *options, uid_t uid)
{
        struct refusal why = {};
        int r = unlock_is_marked(uid, &why);

        if (r < 0)
                pam_syslog(pamh, LOG_WARNING, "cannot tell whether the guest may unlock: %s", why.reason);
        else if (options->debug)
                pam_syslog(pamh, LOG_DEBUG, "guest may %sunlock", r > 0 ? "" : "not ");
        return r > 0 ? PAM_SUCCESS : PAM_IGNORE;
}

/* 1 and *ret for a guest whom the caller may ask about. 0 for other users and if unknown, which admits no one: the
 * other modules ask, and the session hook refuses the user. */
static int guest_meet(pam_handle_t *pamh, const struct options *options, const char *user, uid_t caller,
                      struct guest *ret)
{
        struct refusal why = {};
        int r = guest_find(user, options->group, ret);

        if (r < 0) {
                refuse(&why, r, "cannot tell whether the user is in group %s", options->group);
                pam_syslog(pamh, LOG_ERR, "%s", why.reason);
                return 0;
        }
        if (r == 0) {
                if (options->debug)
                        pam_syslog(pamh, LOG_DEBUG, "not in group %s: nothing to do", options->group);
                return 0;
        }
        if (caller == 0 || caller == ret->account.pw_uid)
                return 1;
        if (options->debug)
                pam_syslog(pamh, LOG_DEBUG, "a guest, but not the caller: nothing to do");
        return 0;
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct options options = options_parse(pamh, argc, argv);
        _cleanup_(guest_done) struct guest guest = {};
        uid_t caller = geteuid(); /* effective: a setuid program decides like root */
        const char *user = NULL;
        int r;

        /* A new authentication may be another user's. */
        pam_set_data(pamh, LEASE_DATA, NULL, NULL);
        r = pam_get_user(pamh, &user, NULL);
        if (r == PAM_CONV_AGAIN) /* asks later, and must return to this module */
                return PAM_INCOMPLETE;
        if (r != PAM_SUCCESS || !user) {
                if (options.debug)
                        pam_syslog(pamh, LOG_DEBUG, "no user name: %s", pam_strerror(pamh, r));
                return PAM_IGNORE;
        }

        if (guest_meet(pamh, &options, user, caller, &guest) == 0)
                return PAM_IGNORE;
        return caller == 0 ? guest_admit(pamh, flags, &options, &guest) : guest_unlock(pamh, &options, caller);
}

/* libpam repeats the way through the stack; there is nothing to set. */
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        (void) pamh;
        (void) flags;
        (void) argc;
        (void) argv;
        return PAM_IGNORE;
}
