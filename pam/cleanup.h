/* pam_guest: cleanup of variables that go out of scope. errno survives it. */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(free_pointer)
#define _cleanup_close_ _cleanup_(close_descriptor)

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
