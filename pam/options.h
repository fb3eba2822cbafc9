/* pam_guest: the module's options in a stack. */
#pragma once

#include <stdbool.h>

struct pam_handle;

struct options {
        const char *group;
        unsigned seconds;
        bool debug;
};

/* An unusable option is logged, and its default applies. */
struct options options_parse(struct pam_handle *pamh, int argc, const char **argv);
