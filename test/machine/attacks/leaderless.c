/* leaderless SECONDS: its first thread ends, and the second runs. /proc/PID shows a zombie. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void *go_on(void *seconds)
{
        sleep((unsigned) atoi(seconds));
        _exit(0);
}

int main(int argc, char **argv)
{
        pthread_t thread;

        (void) argc;
        signal(SIGHUP, SIG_IGN);
        if (fork() > 0)
                _exit(0);
        setsid();
        pthread_create(&thread, NULL, go_on, argv[1]);
        pthread_exit(NULL);
}
