/* Many PAM sessions: crowd SERVICE COUNT PARALLEL MILLISECONDS USER[:auth]...
 *
 * Starts COUNT logins evenly spread over the milliseconds, PARALLEL at a time, as each of the users in turn. Prints a
 * line for each: the microseconds of pam_authenticate(3) and of pam_open_session(3), or "refused" and why. Then prints
 * "done" and keeps the sessions open. When it is killed, so are their leaders. */
#define _GNU_SOURCE
#include <security/pam_appl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

struct result {
        long auth, open;
        char refusal[200];
};

struct shared {
        sem_t free, finished;
        struct result results[];
};

static long now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static void wait_until(long usec)
{
        const struct timespec moment = { .tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000 };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) != 0)
                ;
}

/* Keeps what a refusal says, in one line. These services ask nothing. */
static int answer(int count, const struct pam_message **messages, struct pam_response **ret, void *data)
{
        struct result *result = data;

        for (int i = 0; i < count; i++)
                if (messages[i]->msg_style == PAM_ERROR_MSG) {
                        snprintf(result->refusal, sizeof(result->refusal), "%s", messages[i]->msg);
                        result->refusal[strcspn(result->refusal, "\n")] = '\0';
                }
        *ret = calloc((size_t) count, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void log_in(const char *service, const char *user, struct result *result)
{
        const struct pam_conv conversation = { .conv = answer, .appdata_ptr = result };
        char name[64];
        pam_handle_t *pamh = NULL;
        const char *auth = strstr(user, ":auth");
        long begin, asked;
        int r;

        snprintf(name, sizeof(name), "%.*s", auth ? (int) (auth - user) : (int) strlen(user), user);
        r = pam_start(service, name, &conversation, &pamh);
        if (r == PAM_SUCCESS && auth) /* guestd leases accounts at terminals only */
                r = pam_set_item(pamh, PAM_TTY, "tty1");
        begin = now_usec();
        if (r == PAM_SUCCESS && auth)
                r = pam_authenticate(pamh, 0);
        asked = now_usec();
        if (r == PAM_SUCCESS)
                r = pam_open_session(pamh, 0);
        result->auth = auth ? asked - begin : 0;
        result->open = now_usec() - asked;
        if (r == PAM_SUCCESS)
                result->refusal[0] = '\0';
        else if (!result->refusal[0])
                snprintf(result->refusal, sizeof(result->refusal), "%s", pam_strerror(pamh, r));
}

static void be_guest(struct shared *shared, int index, char **argv, int users, pid_t parent)
{
        struct result *result = &shared->results[index];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        log_in(argv[1], argv[5 + index % users], result);
        sem_post(&shared->free);
        sem_post(&shared->finished);
        while (!result->refusal[0])
                pause();
        _exit(0);
}

int main(int argc, char **argv)
{
        const int count = argc > 5 ? atoi(argv[2]) : 0;
        const long spread = argc > 5 ? atol(argv[4]) * 1000 : 0, begin = now_usec();
        const pid_t self = getpid();
        struct shared *shared;

        if (count < 1)
                return 2;
        shared = mmap(NULL, sizeof(*shared) + (size_t) count * sizeof(struct result), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
                return 1;
        sem_init(&shared->free, 1, (unsigned) atoi(argv[3]));
        sem_init(&shared->finished, 1, 0);
        signal(SIGCHLD, SIG_IGN);
        for (int i = 0; i < count; i++) {
                pid_t pid;

                wait_until(begin + spread * i / count);
                sem_wait(&shared->free);
                pid = fork();
                if (pid < 0)
                        return 1;
                if (pid == 0)
                        be_guest(shared, i, argv, argc - 5, self);
        }
        for (int i = 0; i < count; i++)
                sem_wait(&shared->finished);
        for (int i = 0; i < count; i++) {
                const struct result *result = &shared->results[i];

                if (result->refusal[0])
                        printf("refused %s\n", result->refusal);
                else
                        printf("%ld %ld\n", result->auth, result->open);
        }
        puts("done");
        fflush(stdout);
        for (;;)
                pause();
}
