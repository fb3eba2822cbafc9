/*
 * pam_guest: keeps the host's directories from reaching the guest as open descriptors.
 *
 * It must leave the guest none: /proc/self/fd/N of a directory opened outside is a way out of the view, through its
 * files and its ".." (CVE-2024-21626; `exec 9</; su guest1` is enough). It must leave all other descriptors:
 * applications pass on files, pipes and sockets on purpose, and those lead nowhere upwards, nor does a symlink
 * opened with O_PATH. Namespaces stay, too: entering one needs a privilege that a guest lacks.
 *
 * Closed on exec, not closed: the application may need its directory, and until then it runs as root or is protected
 * from the guest's inspection. Directories that another thread opens later are out of reach here.
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

/* A descriptor whose type is unknown counts as one: a file system in user space keeps even root out. DONT_SYNC: a
 * dead server must not block the login, and the type of an open file does not change. */
static bool may_be_directory(int fd)
{
        struct statx file = {};

        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &file) < 0)
                return errno != EBADF; /* closed in between, by another thread */
        return !(file.stx_mask & STATX_TYPE) || S_ISDIR(file.stx_mode);
}

static int descriptor_seal(int fd, struct refusal *why)
{
        if (!may_be_directory(fd))
                return 0;
        /* Closing these on exec would give the guest's program the next opened file as its input or output. */
        if (fd <= STDERR_FILENO)
                return refuse(why, 0, "descriptor %d is a directory of the host", fd);
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF)
                return refuse(why, -errno, "descriptor %d: close on exec", fd);
        return 0;
}

/* By the kernel's list, where 0, 1 and 2 come first: the limit of descriptors says neither their number nor the
 * highest one. */
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
