/* pam_guest: shared by the hooks. */
#include <libintl.h>
#include <stddef.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "greeter.h"
#include "hook_common.h"

/* Translations are in packaging/po. */
#define DOMAIN "guestd"

static const char *item_string(const pam_handle_t *pamh, int item)
{
        const void *value = NULL;

        if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || !value)
                return "";
        return value;
}

struct request request_make(pam_handle_t *pamh, const struct passwd *account)
{
        const char *seat = pam_getenv(pamh, "XDG_SEAT");

        return (struct request) {
                .account = account,
                .service = item_string(pamh, PAM_SERVICE),
                .tty = item_string(pamh, PAM_TTY),
                .rhost = item_string(pamh, PAM_RHOST),
                .display = item_string(pamh, PAM_XDISPLAY),
                .seat = seat ? seat : "",
        };
}

int refusal_report(pam_handle_t *pamh, int flags, const struct refusal *why, int result)
{
        const char *sentence = why->sentence;

        if (!sentence[0])
                sentence = dgettext(DOMAIN, "Guest sessions are not available at the moment. "
                                            "Please ask the administrator of this machine.");
        pam_syslog(pamh, LOG_ERR, "guest refused: %s", why->reason);
        if (!(flags & PAM_SILENT))
                refusal_show(pamh, item_string(pamh, PAM_SERVICE), item_string(pamh, PAM_TTY), sentence);
        return result;
}
