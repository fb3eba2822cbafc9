/* pam_guest: records why a guest was refused. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "refusal.h"

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
