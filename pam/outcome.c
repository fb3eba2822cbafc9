/*
 * pam_guest: what both of its parts do with what came of a call: say why not, give a session back.
 *
 * In both shared objects, so that neither looks for symbols in the other.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pam_guest.h"

int refuse(struct refusal *why, int error, const char *format, ...)
{
        va_list arguments;
        size_t length;

        va_start(arguments, format);
        vsnprintf(why->reason, sizeof(why->reason), format, arguments);
        va_end(arguments);
        if (error >= 0)
                return -EPERM;

        length = strlen(why->reason);
        errno = -error;
        snprintf(why->reason + length, sizeof(why->reason) - length, ": %m");
        return error;
}

void session_done(struct session *session)
{
        for (char **entry = session->environment; *entry; entry++)
                free_pointer(entry);
}
