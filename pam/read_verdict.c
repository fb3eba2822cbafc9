/* pam_guest_bus: reads guestd's verdict on an authentication. Must take no other answer for a yes. */
#include <errno.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "read_verdict.h"
#include "read_reply.h"

/* Longer than "unlocked". Verdicts of a later guestd are refused here. */
#define WORD_MAX 32

static int user_read(sd_bus_message *reply, char user[static USER_MAX + 1])
{
        int r = word_read(reply, "abcdefghijklmnopqrstuvwxyz0123456789-_", user, USER_MAX);

        if (r < 0)
                return r;
        return user[0] >= 'a' && user[0] <= 'z' ? 1 : -EBADMSG;
}

static int kind_read(sd_bus_message *reply, struct verdict *ret)
{
        char word[WORD_MAX + 1];
        int r = word_read(reply, NULL, word, WORD_MAX);

        if (r < 0)
                return r;
        if (strcmp(word, "ignored") == 0)
                ret->kind = VERDICT_IGNORED;
        else if (strcmp(word, "unlocked") == 0)
                ret->kind = VERDICT_UNLOCKED;
        else if (strcmp(word, "leased") == 0)
                ret->kind = VERDICT_LEASED;
        else if (strcmp(word, "terms") == 0)
                ret->kind = VERDICT_TERMS;
        else
                return -EBADMSG;
        return 1;
}

static int field_read(sd_bus_message *reply, const char *name, void *data)
{
        struct verdict *verdict = data;

        if (strcmp(name, "verdict") == 0)
                return kind_read(reply, verdict);
        return strcmp(name, "user") == 0 ? user_read(reply, verdict->user) : terms_read(reply, name, &verdict->terms);
}

int verdict_read(sd_bus_message *reply, struct verdict *ret, struct refusal *why)
{
        int r = fields_read(reply, field_read, ret, why);

        if (r < 0)
                return r;
        if (ret->kind == VERDICT_NONE)
                return refuse(why, 0, "guestd's reply lacks verdict");
        if ((ret->kind == VERDICT_LEASED) != !!ret->user[0])
                return refuse(why, 0, ret->user[0] ? "guestd's reply has a user that is not leased"
                                                   : "guestd's reply lacks user");
        if ((ret->kind == VERDICT_TERMS) != !!ret->terms.text[0])
                return refuse(why, 0, ret->terms.text[0] ? "guestd's reply has terms that it does not ask for"
                                                         : "guestd's reply lacks terms");
        return terms_check(&ret->terms, why);
}
