/* The part of host_report.c that host.c uses. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <security/pam_appl.h>

/* Calls the hook. Prints a line of JSON about it if there is a report file. */
void hook_report(FILE *report, const char *name, int (*hook)(pam_handle_t *, int), pam_handle_t *pam, int flags);

/* Records PAM's messages for the report. Answers with ANSWER of the environment, or fails. */
int conversation_keep(int count, const struct pam_message **messages, struct pam_response **responses, void *data);
