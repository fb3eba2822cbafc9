/*
 * pam_guest_bus: reads what guestd answered: a refusal, or a session. No calls, no waiting: a message in, checked data out.
 *
 * It must let nothing through that is not of the form and size the contract gives (systemd/org.guestd1.xml), whoever
 * sent it. Fields it does not know are those of a later guestd.
 */
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "pam_guest.h"

#define GUESTD_ERRORS "org.guestd1.Error."

/* 1 or 2 if a control character (C0, DEL, C1) begins here, that many bytes long; otherwise 0. */
static size_t control_length(const char *text)
{
        const unsigned char *p = (const unsigned char *) text;

        if (p[0] < 0x20 || p[0] == 0x7f)
                return 1;
        return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
}

/* The text ends on a terminal and in the log: no escape sequence, no second line, no half character. */
static void text_clean(const char *from, char *to, size_t size)
{
        size_t length = 0;

        while (*from && length < size - 1) {
                size_t skip = control_length(from);

                from += skip;
                if (skip == 0)
                        to[length++] = *from++;
        }
        if ((*from & 0xc0) == 0x80) /* full, and in the middle of a character: take back its first bytes */
                while (length > 0 && (to[--length] & 0xc0) == 0x80)
                        ;
        to[length] = '\0';
}

/* Only guestd's own errors are written for a person; those of the bus ("The name is not activatable") are not. */
int error_read(const char *method, sd_bus_message *reply, struct refusal *why)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        char text[SENTENCE_MAX + 1];

        text_clean(error->message ?: "", text, sizeof(text));
        if (strncmp(error->name, GUESTD_ERRORS, strlen(GUESTD_ERRORS)) == 0)
                strcpy(why->sentence, text);
        return refuse(why, 0, "%s: %.128s: %s", method, error->name, text);
}

static int string_read(sd_bus_message *reply, char *to, size_t size)
{
        const char *text;
        int r = sd_bus_message_read(reply, "v", "s", &text);

        if (r < 0)
                return r;
        if (strlen(text) >= size)
                return -EMSGSIZE;
        strcpy(to, text);
        return 0;
}

/* The id is handed back to guestd and written to logs: it is never more than a short word. */
static int id_read(sd_bus_message *reply, char id[static ID_MAX + 1])
{
        int r = string_read(reply, id, ID_MAX + 1);

        if (r < 0)
                return r;
        return strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(id) ? 0 : -EBADMSG;
}

/* A variable for the guest's programs. LD_*: the host program may hand the list to helpers that still run as root. */
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

        while (environment[count]) /* the field once more: one bound for both */
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

static int field_read(sd_bus_message *reply, const char *name, struct session *ret, struct refusal *why)
{
        int r;

        if (strcmp(name, "id") == 0)
                r = id_read(reply, ret->id);
        else if (strcmp(name, "namespace") == 0)
                r = string_read(reply, ret->namespace, sizeof(ret->namespace));
        else if (strcmp(name, "inode") == 0)
                r = sd_bus_message_read(reply, "v", "t", &ret->inode);
        else if (strcmp(name, "environment") == 0)
                r = environment_read(reply, ret->environment);
        else {
                name = "(unknown)"; /* of a later guestd */
                r = sd_bus_message_skip(reply, "v");
        }
        return r < 0 ? refuse(why, r, "field %s of guestd's reply", name) : 0;
}

int session_read(sd_bus_message *reply, struct session *ret, struct refusal *why)
{
        const char *name;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        if (r < 0)
                return refuse(why, r, "guestd's reply");
        while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                r = sd_bus_message_read(reply, "s", &name);
                if (r < 0)
                        break;
                r = field_read(reply, name, ret, why);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        break;
        }
        if (r < 0)
                return refuse(why, r, "guestd's reply");
        if (!ret->id[0] || !ret->namespace[0] || !ret->inode)
                return refuse(why, 0, "guestd's reply lacks id, namespace or inode");
        return 0;
}
