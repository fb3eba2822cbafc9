/* Times a command: stamp COMMAND [ARGUMENT]... Prints its microseconds instead of its output. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
        posix_spawn_file_actions_t actions;
        int status = -1;
        long begin;
        pid_t pid;

        if (argc < 2)
                return 2;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        begin = now_usec();
        if (posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ) != 0)
                return 2;
        waitpid(pid, &status, 0);
        printf("%ld\n", now_usec() - begin);
        return status == 0 ? 0 : 1;
}
