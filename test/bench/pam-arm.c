/* Times a PAM session: pam-arm SERVICE USER [auth]. Prints the microseconds of pam_authenticate(3), or 0 without
 * "auth", and of pam_open_session(3). */
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

/* These services ask nothing. */
static int answer(int count, const struct pam_message **messages, struct pam_response **ret, void *data)
{
        (void) messages;
        (void) data;
        *ret = calloc((size_t) count, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

int main(int argc, char **argv)
{
        const struct pam_conv conversation = { .conv = answer };
        const bool asks = argc > 3 && strcmp(argv[3], "auth") == 0;
        pam_handle_t *pamh = NULL;
        long begin, asked, opened;
        int r;

        if (argc < 3 || pam_start(argv[1], argv[2], &conversation, &pamh) != PAM_SUCCESS)
                return 2;
        if (asks) /* guestd leases accounts at terminals only */
                pam_set_item(pamh, PAM_TTY, "tty1");
        begin = now_usec();
        r = asks ? pam_authenticate(pamh, 0) : PAM_SUCCESS;
        asked = asks ? now_usec() : begin;
        if (r == PAM_SUCCESS)
                r = pam_open_session(pamh, 0);
        opened = now_usec();
        if (r != PAM_SUCCESS) {
                fprintf(stderr, "%s: %s\n", argv[1], pam_strerror(pamh, r));
                return 1;
        }
        printf("%ld %ld\n", asked - begin, opened - asked);
        fflush(stdout);
        pam_close_session(pamh, 0);
        pam_end(pamh, PAM_SUCCESS);
        return 0;
}
