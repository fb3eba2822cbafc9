/* shed SECONDS: pivots to an empty tmpfs in its own user and mount namespace, and drops the view. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY);

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                exit(2);
        close(fd);
}

int main(int argc, char **argv)
{
        char map[64];
        unsigned uid = getuid(), gid = getgid();

        (void) argc;
        signal(SIGHUP, SIG_IGN);
        if (fork() > 0)
                _exit(0);
        setsid();
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return 3;
        put("/proc/self/setgroups", "deny");
        snprintf(map, sizeof(map), "0 %u 1", uid);
        put("/proc/self/uid_map", map);
        snprintf(map, sizeof(map), "0 %u 1", gid);
        put("/proc/self/gid_map", map);
        if (mount("shed", "/tmp", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/old", 0755) < 0 || chdir("/tmp") < 0)
                return 4;
        if (syscall(SYS_pivot_root, ".", "old") < 0 || umount2("/old", MNT_DETACH) < 0)
                return 5;
        sleep((unsigned) atoi(argv[1]));
        return 0;
}
