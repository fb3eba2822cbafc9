/*
 * pam_guest: what stands behind the module's name in a stack.
 */
#pragma once

#include <stdbool.h>

struct pam_handle;

struct options {
        const char *group;
        unsigned seconds;
        bool debug;
};

/* What cannot be used is logged, and its default stays. */
struct options options_parse(struct pam_handle *pamh, int argc, const char **argv);
