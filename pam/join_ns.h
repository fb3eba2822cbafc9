/* pam_guest: enters the namespaces of a session, and leaves one of them again. */
#pragma once

#include "answer.h"
#include "refusal.h"

/* Moves the process into the session's namespaces. If it is refused before the first of them, the process is where
 * it was. */
int session_join(const struct session *session, struct refusal *why);

/* Children are born in the process's own PID namespace again. */
int children_return(struct refusal *why);
