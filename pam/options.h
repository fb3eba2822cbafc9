/* pam_guest: the module's options in a stack. */
#pragma once

#include <stdbool.h>

struct pam_handle;

struct options {
        const char *group;
        unsigned seconds;
        bool debug;
};

/* Unusable options are logged, and their defaults apply. */
struct options options_parse(struct pam_handle *pamh, int argc, const char **argv);
