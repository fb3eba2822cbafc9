/*
 * pam_guest: shows guestd's terms of use, and asks for acceptance. Judges nothing: guestd gets the input and the digest
 * of the text. Without an answer the input is empty, which is never a yes.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "cleanup.h"
#include "terms.h"

/* A greeter may show no question, but the text ends with the input it asks for. */
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
