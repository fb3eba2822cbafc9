/*
 * pam_guest: shows guestd's terms of use, and asks whether the guest accepts them.
 *
 * It judges nothing: the input goes to guestd, with the digest of the text shown. Where nothing can be shown or
 * asked, guestd gets an empty answer, which is never a yes.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "cleanup.h"
#include "terms.h"

/* The text ends with the input it asks for: a greeter shows that, and may show no question. */
#define QUESTION "> "

struct reply terms_ask(pam_handle_t *pamh, int flags, const struct terms *terms)
{
        _cleanup_free_ char *answer = NULL;
        struct reply reply = {};

        strcpy(reply.digest, terms->digest);
        if (flags & PAM_SILENT)
                return reply;
        if (pam_info(pamh, "%s", terms->text) != PAM_SUCCESS)
                return reply;
        if (pam_prompt(pamh, PAM_PROMPT_ECHO_ON, &answer, QUESTION) != PAM_SUCCESS || !answer)
                return reply;
        /* No accepting word is as long. */
        if (strlen(answer) <= ANSWER_MAX)
                strcpy(reply.answer, answer);
        return reply;
}
