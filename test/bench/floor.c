/* The kernel's own time for a view's mounts: floor [isolated], with PID and IPC namespaces. Prints microseconds. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static void place(const char *source, const char *path, const char *type, const char *data)
{
        if (mount(source, path, type, MS_NOSUID | MS_NODEV, data) < 0) {
                perror(path);
                _exit(1);
        }
}

static int build(void *isolated)
{
        const char *const memory[] = { "/tmp", "/var/tmp", "/dev/shm", "/home", "/mnt" };

        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                _exit(1);
        for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++)
                place("floor", memory[i], "tmpfs", "mode=755");
        if (mkdir("/mnt/upper", 0755) < 0 || mkdir("/mnt/work", 0755) < 0)
                _exit(1);
        place("floor", "/etc", "overlay", "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work");
        if (isolated)
                place("proc", "/proc", "proc", NULL);
        _exit(0);
}

int main(int argc, char **argv)
{
        static char stack[256 * 1024] __attribute__((aligned(16)));
        const int isolation = argc > 1 ? CLONE_NEWPID | CLONE_NEWIPC : 0;
        int status = -1;
        long begin = now_usec();
        pid_t pid = clone(build, stack + sizeof(stack), CLONE_NEWNS | isolation | SIGCHLD, argc > 1 ? argv : NULL);

        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                return 1;
        printf("%ld\n", now_usec() - begin);
        return 0;
}
