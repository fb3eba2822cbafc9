/*
 * pam_guest: how greeters of display managers show a refusal.
 *
 *   LightDM   passes the greeter's display as the terminal. Its GTK greeter shows no errors, only other messages; its
 *             slick greeter cuts long lines.
 *   SDDM      ends the login at an error. Other messages stay until the end, and then "Login failed".
 *   greetd    reports the failure at the end. tuigreet shows that instead, and starts over at once, again and again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "greeter.h"
#include "refusal.h"

#define COLUMNS 36       /* of the narrowest box */
#define PAUSE (5 * 1000000) /* microseconds to read the text; libpam varies it by half */

struct greeter {
        int style;
        bool folds;
        bool forgets; /* shows the text only until the login ends */
};

static struct greeter greeter_find(const char *service, const char *tty)
{
        if (tty[0] == ':')
                return (struct greeter) { .style = PAM_TEXT_INFO, .folds = true };
        if (strcmp(service, "sddm") == 0)
                return (struct greeter) { .style = PAM_TEXT_INFO, .folds = true, .forgets = true };
        if (strcmp(service, "greetd") == 0)
                return (struct greeter) { .style = PAM_ERROR_MSG, .folds = true, .forgets = true };
        return (struct greeter) { .style = PAM_ERROR_MSG };
}

static void text_fold(char *text)
{
        char *space = NULL;
        unsigned column = 0, before = 0; /* of the line; of those, up to the space */

        for (char *at = text; *at; at++) {
                column += (*at & 0xC0) != 0x80; /* the first byte of a character */
                if (*at == ' ') {
                        space = at;
                        before = column;
                }
                if (column > COLUMNS && space) {
                        *space = '\n';
                        space = NULL;
                        column -= before;
                }
        }
}

void refusal_show(pam_handle_t *pamh, const char *service, const char *tty, const char *sentence)
{
        struct greeter greeter = greeter_find(service, tty);
        char text[SENTENCE_MAX + 1];

        snprintf(text, sizeof(text), "%s", sentence);
        if (greeter.folds)
                text_fold(text);
        if (greeter.forgets)
                pam_fail_delay(pamh, PAUSE);
        pam_prompt(pamh, greeter.style, NULL, "%s", text);
}
