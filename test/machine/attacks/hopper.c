/* Changes its PID every PAUSE microseconds: hopper SECONDS PAUSE. A list of PIDs is always too late. Not faster:
 * init on a busy machine reaps too few zombies, and the host runs out of PIDs. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        time_t end = time(NULL) + atoi(argv[1]);
        useconds_t pause = argc > 2 ? (useconds_t) atoi(argv[2]) : 200;

        signal(SIGHUP, SIG_IGN);
        setsid();
        while (time(NULL) < end) {
                if (fork() > 0)
                        _exit(0);
                usleep(pause);
        }
        return 0;
}
