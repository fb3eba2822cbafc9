/*
 * pam_guest_bus: shared by the readers of guestd's answers.
 *
 * Makes no calls. Like the readers, it must accept only types and sizes of the contract (systemd/org.guestd1.xml),
 * from any sender.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "read_reply.h"
#include "cleanup.h"

#define GUESTD_ERRORS "org.guestd1.Error."

size_t control_length(const char *text)
{
        const unsigned char *p = (const unsigned char *) text;

        if (p[0] < 0x20 || p[0] == 0x7f)
                return 1;
        return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
}

/* For a terminal and the log: no escape sequence, second line or partial character. */
static void text_clean(const char *from, char *to, size_t size)
{
        size_t length = 0;

        while (*from && length < size - 1) {
                size_t skip = control_length(from);

                from += skip;
                if (skip == 0)
                        to[length++] = *from++;
        }
        if ((*from & 0xc0) == 0x80) /* full, within a character: remove its first bytes */
                while (length > 0 && (to[--length] & 0xc0) == 0x80)
                        ;
        to[length] = '\0';
}

/* Only guestd's own errors are written for users, not the bus's. */
int error_read(const char *method, sd_bus_message *reply, struct refusal *why)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        char text[SENTENCE_MAX + 1];

        text_clean(error->message ?: "", text, sizeof(text));
        if (strncmp(error->name, GUESTD_ERRORS, strlen(GUESTD_ERRORS)) == 0)
                strcpy(why->sentence, text);
        return refuse(why, 0, "%s: %.128s: %s", method, error->name, text);
}

int word_read(sd_bus_message *reply, const char *characters, char *to, size_t max)
{
        const char *text;
        int r = sd_bus_message_read(reply, "v", "s", &text);

        if (r < 0)
                return r;
        if (strlen(text) > max)
                return -EMSGSIZE;
        if (!text[0] || (characters && strspn(text, characters) != strlen(text)))
                return -EBADMSG;
        strcpy(to, text);
        return 0;
}

int text_read(sd_bus_message *reply, char *to, size_t max)
{
        int r = word_read(reply, NULL, to, max);

        if (r < 0)
                return r;
        for (const char *p = to; *p; p++)
                if (*p != '\n' && control_length(p) > 0)
                        return -EBADMSG;
        return 0;
}

int terms_read(sd_bus_message *reply, const char *name, struct terms *ret)
{
        int r;

        if (strcmp(name, "terms") == 0)
                r = text_read(reply, ret->text, TERMS_MAX);
        else if (strcmp(name, "digest") == 0)
                r = word_read(reply, "0123456789abcdef", ret->digest, DIGEST_MAX);
        else
                return 0;
        return r < 0 ? r : 1;
}

int terms_check(const struct terms *terms, struct refusal *why)
{
        return !terms->text[0] != !terms->digest[0] ? refuse(why, 0, "guestd's reply has one of terms, digest") : 0;
}

static int entry_read(sd_bus_message *reply, field_function *field, void *data, struct refusal *why)
{
        const char *name = "";
        int r = sd_bus_message_read(reply, "s", &name);

        if (r < 0)
                return refuse(why, r, "guestd's reply");
        r = field(reply, name, data);
        if (r < 0)
                return refuse(why, r, "field %s of guestd's reply", name);
        if (r == 0) { /* from a later guestd */
                r = sd_bus_message_skip(reply, "v");
                if (r < 0)
                        return refuse(why, r, "field (unknown) of guestd's reply");
        }
        return 0;
}

int fields_read(sd_bus_message *reply, field_function *field, void *data, struct refusal *why)
{
        int r = sd_bus_message_enter_container(reply, 'a', "{sv}");

        if (r < 0)
                return refuse(why, r, "guestd's reply");
        while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                r = entry_read(reply, field, data, why);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        break;
        }
        return r < 0 ? refuse(why, r, "guestd's reply") : 0;
}
