/*
 * pam_guest: keeps the host's directories from reaching the guest as open descriptors.
 *
 * A directory at /proc/self/fd/N, with its files and "..", leads out of the view (CVE-2024-21626; try
 * `exec 9</; su guest1`). Other descriptors stay: applications pass on files, pipes and sockets on purpose. These lead
 * nowhere upwards, nor does a symlink opened with O_PATH. Guests lack the privilege to enter a namespace.
 *
 * Closes directories on exec, as the application may need them. Until then it runs as root, or the guest cannot
 * inspect it. Another thread may open more later.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>

#include "seal_descriptors.h"
#include "cleanup.h"

static void directory_close(DIR **directory)
{
        if (*directory)
                closedir(*directory);
}

/* An unknown type counts as a directory: FUSE keeps even root out. DONT_SYNC: a dead server must not block the login,
 * and the type of an open file does not change. */
static bool may_be_directory(int fd)
{
        struct statx file = {};

        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &file) < 0)
                return errno != EBADF; /* another thread has closed it */
        return !(file.stx_mask & STATX_TYPE) || S_ISDIR(file.stx_mode);
}

static int descriptor_seal(int fd, struct refusal *why)
{
        if (!may_be_directory(fd))
                return 0;
        /* Closed on exec, these would become the next opened file: the guest program's input or output. */
        if (fd <= STDERR_FILENO)
                return refuse(why, 0, "descriptor %d is a directory of the host", fd);
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF)
                return refuse(why, -errno, "descriptor %d: close on exec", fd);
        return 0;
}

/* Uses the kernel's list, with 0, 1 and 2 first: RLIMIT_NOFILE bounds neither the open descriptors nor their
 * numbers. */
int descriptors_seal(struct refusal *why)
{
        _cleanup_(directory_close) DIR *list = opendir("/proc/self/fd");
        int r;

        if (!list)
                return refuse(why, -errno, "descriptors of this process");
        for (;;) {
                const struct dirent *entry;
                int fd;

                errno = 0;
                entry = readdir(list);
                if (!entry)
                        return errno == 0 ? 0 : refuse(why, -errno, "descriptors of this process");
                fd = atoi(entry->d_name);
                if (entry->d_name[0] == '.' || fd == dirfd(list))
                        continue;
                r = descriptor_seal(fd, why);
                if (r < 0)
                        return r;
        }
}
