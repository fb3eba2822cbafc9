/*
 * pam_guest: shows the terms of use that guestd has sent, and asks whether the guest accepts them.
 *
 * It judges nothing: what was typed goes to guestd, with the digest of the text that was shown. Where nothing can be shown or
 * asked, no answer is what guestd is told, and that is never a yes.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "cleanup.h"
#include "terms.h"

/* The text ends with what there is to type: a greeter shows that, and may show no question. */
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
        /* No word that accepts is as long. */
        if (strlen(answer) <= ANSWER_MAX)
                strcpy(reply.answer, answer);
        return reply;
}
