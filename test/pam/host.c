/*
 * Opens sessions with PAM, for tests of pam_guest. Carries out its arguments in order. Prints a line of JSON for each
 * hook: the result, and the process before and after.
 *
 *   host CONFDIR SERVICE USER ACTION...
 *
 *   tty=NAME rhost=NAME display=NAME user=NAME   set the PAM items
 *   env=NAME=VALUE          set a variable of PAM's environment
 *   auth auth-silent setcred open open-silent close  call the hooks from the main thread
 *   threaded                start a second thread, which stays
 *   thread-auth thread-open  call the hook from its own thread
 *   euid=N                  set only the effective UID
 *   child                   no hook: a child reports its state
 *   restart                 pam_end, pam_start: the module is unloaded and loaded again
 *   quiet N ACTIONS...      run the rest N times, and print only the last round
 *   files=N                 RLIMIT_NOFILE
 *   path=PATH               open it with O_PATH, without O_CLOEXEC
 *   fill                    use up all descriptors; free=N: close the N highest
 *   lost-directory          the working directory has been removed
 *   stdio-closed            close 0, 1 and 2 (the report goes to a copy of 1)
 *   interrupted             a signal every 20 ms, its handler without SA_RESTART
 *   ignore-children         SIGCHLD is ignored
 *   no-memory               pam_putenv() fails
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_report.h"

static FILE *report;
static bool silent; /* between rounds */
static pam_handle_t *pam;
static const char *confdir, *service, *user;

static bool no_memory;

/* The executable's symbol comes before libpam's. */
int pam_putenv(pam_handle_t *pamh, const char *variable)
{
        int (*real)(pam_handle_t *, const char *) = (int (*)(pam_handle_t *, const char *)) dlsym(RTLD_NEXT, "pam_putenv");

        return no_memory ? PAM_BUF_ERR : real(pamh, variable);
}

static void hook_call(const char *name, int (*hook)(pam_handle_t *, int), int flags)
{
        hook_report(silent ? NULL : report, name, hook, pam, flags);
}

static void *thread_auth(void *unused)
{
        hook_call("auth", pam_authenticate, 0);
        return unused;
}

static void *thread_open(void *unused)
{
        hook_call("open", pam_open_session, 0);
        return unused;
}

static void *thread_stay(void *unused)
{
        for (;;)
                pause();
        return unused;
}

static void handle_nothing(int signal)
{
        (void) signal;
}

/* The name is empty: PAM has to ask for it. */
static void start(void)
{
        static const struct pam_conv conversation = { conversation_keep, NULL };

        if (pam_start_confdir(service, user[0] ? user : NULL, &conversation, confdir, &pam) != PAM_SUCCESS)
                abort();
}

static int setcred(pam_handle_t *pamh, int flags)
{
        return pam_setcred(pamh, PAM_ESTABLISH_CRED | flags);
}

static int do_nothing(pam_handle_t *pamh, int flags)
{
        (void) pamh;
        (void) flags;
        return PAM_SUCCESS;
}

static void child_report(void)
{
        pid_t pid = fork();

        if (pid == 0) {
                hook_call("child", do_nothing, 0);
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
                abort();
}

static void process_change(const char *action)
{
        pthread_t thread;

        if (strcmp(action, "threaded") == 0 && pthread_create(&thread, NULL, thread_stay, NULL) != 0)
                abort();
        if (strncmp(action, "files=", 6) == 0) {
                rlim_t limit = (rlim_t) atoi(action + 6);

                setrlimit(RLIMIT_NOFILE, &(struct rlimit) { limit, limit });
        }
        if (strncmp(action, "path=", 5) == 0 && open(action + 5, O_PATH | O_NOFOLLOW) < 0)
                abort();
        if (strcmp(action, "fill") == 0)
                while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
                        ;
        if (strncmp(action, "free=", 5) == 0)
                for (int fd = sysconf(_SC_OPEN_MAX) - 1, count = atoi(action + 5); fd > 2 && count > 0; fd--)
                        count -= fd != fileno(report) && close(fd) == 0;
        if (strcmp(action, "lost-directory") == 0) {
                char path[] = "/tmp/lost-XXXXXX";

                if (!mkdtemp(path) || chdir(path) < 0 || rmdir(path) < 0)
                        abort();
        }
        if (strcmp(action, "stdio-closed") == 0)
                for (int fd = 0; fd <= 2; fd++)
                        close(fd);
        if (strcmp(action, "interrupted") == 0) {
                const struct itimerval often = { { 0, 20000 }, { 0, 20000 } };

                sigaction(SIGALRM, &(struct sigaction) { .sa_handler = handle_nothing }, NULL);
                setitimer(ITIMER_REAL, &often, NULL);
        }
        if (strcmp(action, "ignore-children") == 0)
                signal(SIGCHLD, SIG_IGN);
        if (strcmp(action, "no-memory") == 0)
                no_memory = true;
}

static const struct {
        const char *action, *name;
        int (*hook)(pam_handle_t *, int);
        int flags;
} hooks[] = {
        { "auth", "auth", pam_authenticate, 0 },
        { "auth-silent", "auth", pam_authenticate, PAM_SILENT },
        { "setcred", "setcred", setcred, 0 },
        { "open", "open", pam_open_session, 0 },
        { "open-silent", "open", pam_open_session, PAM_SILENT },
        { "close", "close", pam_close_session, 0 },
};

static bool hook_act(const char *action)
{
        pthread_t thread;
        bool opens = strcmp(action, "thread-open") == 0;

        for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
                if (strcmp(action, hooks[i].action) == 0) {
                        hook_call(hooks[i].name, hooks[i].hook, hooks[i].flags);
                        return true;
                }
        if (!opens && strcmp(action, "thread-auth") != 0)
                return false;
        if (pthread_create(&thread, NULL, opens ? thread_open : thread_auth, NULL) != 0)
                abort();
        pthread_join(thread, NULL);
        return true;
}

static void act(const char *action)
{
        if (hook_act(action))
                return;
        if (strcmp(action, "restart") == 0) {
                pam_end(pam, PAM_SUCCESS);
                start();
        } else if (strcmp(action, "child") == 0)
                child_report();
        else if (strncmp(action, "euid=", 5) == 0) {
                if (seteuid((uid_t) atoi(action + 5)) < 0)
                        abort();
        } else if (strncmp(action, "tty=", 4) == 0)
                pam_set_item(pam, PAM_TTY, action + 4);
        else if (strncmp(action, "rhost=", 6) == 0)
                pam_set_item(pam, PAM_RHOST, action + 6);
        else if (strncmp(action, "display=", 8) == 0)
                pam_set_item(pam, PAM_XDISPLAY, action + 8);
        else if (strncmp(action, "env=", 4) == 0)
                pam_putenv(pam, action + 4);
        else if (strncmp(action, "user=", 5) == 0)
                pam_set_item(pam, PAM_USER, action + 5);
        else
                process_change(action);
}

/* The check traces this process from a child, by PID. That needs the same PID namespace, and permission. */
static void leak_check_prepare(void)
{
#ifdef __SANITIZE_ADDRESS__
        int self = pidfd_open(getpid(), 0);

        if (setresuid(0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
                abort();
        setns(self, CLONE_NEWPID); /* fails where a test wants that, and skips the leak check */
        close(self);
#endif
}

int main(int argc, char **argv)
{
        int rounds = 1, first = 4;

        if (argc < 5)
                return 2;
        confdir = argv[1];
        service = argv[2];
        user = argv[3];
        report = fdopen(fcntl(1, F_DUPFD_CLOEXEC, 3), "w");
        umask(027);
        start();
        if (strcmp(argv[4], "quiet") == 0) {
                rounds = atoi(argv[5]);
                first = 6;
        }
        for (int round = 1; round <= rounds; round++) {
                silent = round < rounds;
                for (int i = first; i < argc; i++)
                        act(argv[i]);
        }
        pam_end(pam, PAM_SUCCESS);
        fclose(report);
        leak_check_prepare();
        return 0;
}
