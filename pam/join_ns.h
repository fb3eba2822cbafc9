/*
 * pam_guest: into the namespaces of a session, and out of one of them again.
 */
#pragma once

#include "answer.h"
#include "refusal.h"

/* Takes the process into the session's namespaces. Refused before the first of them, it is where it was. */
int session_join(const struct session *session, struct refusal *why);

/* Children are born in the process's own PID namespace again. */
int children_return(struct refusal *why);
