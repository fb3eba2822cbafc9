/* Never the same process for longer than PAUSE microseconds: hopper SECONDS PAUSE. A list of pids is always too late.
 * Not faster: on a busy machine init reaps fewer zombies than it would leave, and the host runs out of pids. */
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
