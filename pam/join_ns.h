/* pam_guest: enters the namespaces of a session, and leaves one again. */
#pragma once

#include "answer.h"
#include "refusal.h"

/* If this fails before the first join, the process is where it was. */
int session_join(const struct session *session, struct refusal *why);

/* Children are in the process's own PID namespace again. */
int children_return(struct refusal *why);
