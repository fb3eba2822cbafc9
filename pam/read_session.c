/* pam_guest_bus: reads a session from guestd's answer to OpenSession or JoinSession. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "read_session.h"
#include "read_reply.h"

/* The id is logged and passed back to guestd. */
#define ID_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789"

/* Not LD_*: the application may pass them to helpers that still run as root. */
static int variable_check(const char *name, const char *value)
{
        size_t length = strspn(name, "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

        if (length == 0 || name[length] || (name[0] >= '0' && name[0] <= '9'))
                return -EBADMSG;
        if (strncmp(name, "LD_", 3) == 0)
                return -EPERM;
        if (length > VARIABLE_MAX || strlen(value) > VARIABLE_MAX)
                return -EMSGSIZE;
        for (; *value; value++)
                if (control_length(value) > 0)
                        return -EBADMSG;
        return 0;
}

static int environment_read(sd_bus_message *reply, char *environment[static ENVIRONMENT_MAX + 1])
{
        const char *name, *value;
        size_t count = 0;
        int r;

        while (environment[count]) /* one limit for repeated fields, too */
                count++;
        r = sd_bus_message_enter_container(reply, 'v', "a{ss}");
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(reply, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(reply, "{ss}", &name, &value)) > 0) {
                if (count == ENVIRONMENT_MAX)
                        return -E2BIG;
                r = variable_check(name, value);
                if (r < 0)
                        return r;
                if (asprintf(&environment[count], "%s=%s", name, value) < 0) {
                        environment[count] = NULL;
                        return -ENOMEM;
                }
                count++;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(reply);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int path_read(sd_bus_message *reply, struct namespace_ref *ret)
{
        int r = word_read(reply, NULL, ret->path, NAMESPACE_MAX);

        return r < 0 ? r : 1;
}

/* No namespace has the number 0, which stands for "none" here. */
static int inode_read(sd_bus_message *reply, struct namespace_ref *ret)
{
        int r = sd_bus_message_read(reply, "v", "t", &ret->inode);

        if (r < 0)
                return r;
        return ret->inode ? 1 : -EBADMSG;
}

static int field_read(sd_bus_message *reply, const char *name, void *data)
{
        struct session *session = data;
        int r;

        if (strcmp(name, "namespace") == 0)
                return path_read(reply, &session->namespaces[NAMESPACE_MOUNT]);
        if (strcmp(name, "inode") == 0)
                return inode_read(reply, &session->namespaces[NAMESPACE_MOUNT]);
        if (strcmp(name, "ipc_namespace") == 0)
                return path_read(reply, &session->namespaces[NAMESPACE_IPC]);
        if (strcmp(name, "ipc_inode") == 0)
                return inode_read(reply, &session->namespaces[NAMESPACE_IPC]);
        if (strcmp(name, "pid_namespace") == 0)
                return path_read(reply, &session->namespaces[NAMESPACE_PID]);
        if (strcmp(name, "pid_inode") == 0)
                return inode_read(reply, &session->namespaces[NAMESPACE_PID]);

        if (strcmp(name, "id") == 0)
                r = word_read(reply, ID_CHARACTERS, session->id, ID_MAX);
        else if (strcmp(name, "environment") == 0)
                r = environment_read(reply, session->environment);
        else if (strcmp(name, "notice") == 0)
                r = text_read(reply, session->notice, NOTICE_MAX);
        else
                return terms_read(reply, name, &session->terms);
        return r < 0 ? r : 1;
}

int session_read(sd_bus_message *reply, bool joins, struct session *ret, struct refusal *why)
{
        const struct namespace_ref *view = &ret->namespaces[NAMESPACE_MOUNT];
        const struct namespace_ref *ipc = &ret->namespaces[NAMESPACE_IPC], *pid = &ret->namespaces[NAMESPACE_PID];
        int r;

        r = fields_read(reply, field_read, ret, why);
        if (r < 0)
                return r;
        r = terms_check(&ret->terms, why);
        if (r < 0)
                return r;
        if (ret->terms.text[0])
                return ret->id[0] || view->path[0] || ret->environment[0] || joins
                               ? refuse(why, 0, "guestd's reply has terms and a session")
                               : 0;
        if (!ret->id[0] || !view->path[0] || !view->inode)
                return refuse(why, 0, "guestd's reply lacks id, namespace or inode");

        if (!ipc->path[0] != !ipc->inode || !pid->path[0] != !pid->inode || (pid->inode && !ipc->inode))
                return refuse(why, 0, "guestd's reply has some of pid_namespace, pid_inode, ipc_namespace, ipc_inode");
        /* It would be lost to its parent, which knows only the host's PIDs. */
        if (pid->inode && joins)
                return refuse(why, 0, "guestd's reply has a PID namespace for a user manager");
        return 0;
}
