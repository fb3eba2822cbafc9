/*
 * pam_guest: the module's options in a stack. An unusable option is logged and its default applies: a typing error must
 * neither refuse users nor admit a guest.
 */
#include <stdbool.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

#include "options.h"

#define SECONDS 5
#define SECONDS_MAX 10

/* timeout= has a limit: a login with a dead guestd must end in bounded time. */
static bool seconds_parse(const char *text, unsigned *ret)
{
        unsigned seconds = 0;

        if (strlen(text) < 1 || strlen(text) > 2 || strspn(text, "0123456789") != strlen(text))
                return false;
        for (; *text; text++)
                seconds = seconds * 10 + (unsigned) (*text - '0');
        if (seconds < 1 || seconds > SECONDS_MAX)
                return false;
        *ret = seconds;
        return true;
}

struct options options_parse(pam_handle_t *pamh, int argc, const char **argv)
{
        struct options options = { .group = "guests", .seconds = SECONDS };

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
                                   argv[i], SECONDS_MAX);
        }
        return options;
}
