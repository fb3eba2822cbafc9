/* Tests of pam_guest: what host.c uses of host_report.c. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <security/pam_appl.h>

/* Calls the hook and, if there is a report file, prints one line of JSON about it. */
void hook_report(FILE *report, const char *name, int (*hook)(pam_handle_t *, int), pam_handle_t *pam, int flags);

/* A PAM conversation that records its messages for the report; it answers with ANSWER of the environment, or fails. */
int conversation_keep(int count, const struct pam_message **messages, struct pam_response **responses, void *data);
