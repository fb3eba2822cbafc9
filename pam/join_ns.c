/*
 * pam_guest: opens the mount namespace that guestd named, checks it, and joins it.
 *
 * It must join nothing but a mount namespace made by guestd: the path is that of a descriptor guestd holds, and the
 * inode the one in its reply. It must leave no descriptor of the host behind, the working directory included.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/nsfs.h>

#include "pam_guest.h"

static const char *skip_text(const char *p, const char *text)
{
        size_t length = strlen(text);

        return p && strncmp(p, text, length) == 0 ? p + length : NULL;
}

static const char *skip_number(const char *p)
{
        size_t length = p ? strspn(p, "0123456789") : 0;

        return length > 0 ? p + length : NULL;
}

/* /proc/PID/fd/N and nothing else. The form keeps out /proc/PID/ns/mnt (a leader may have made that one himself), links
 * and "..": no component of this path can be of anybody's making but the kernel's. */
static bool path_is_descriptor(const char *path)
{
        const char *end = skip_number(skip_text(skip_number(skip_text(path, "/proc/")), "/fd/"));

        return end && *end == '\0';
}

/* A guest can make mount namespaces only in a user namespace of his own, so this keeps out every namespace that a guest
 * has shaped, should the numbers of a guestd that just died have been given to him. */
static int owner_check(int fd, struct refusal *why)
{
        _cleanup_close_ int owner = ioctl(fd, NS_GET_USERNS);
        struct stat theirs, ours;

        if (owner < 0 || fstat(owner, &theirs) < 0 || stat("/proc/self/ns/user", &ours) < 0)
                return refuse(why, -errno, "user namespace of the session's view");
        if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)
                return refuse(why, 0, "the session's view belongs to another user namespace");
        return 0;
}

static int view_check(int fd, const struct session *session, struct refusal *why)
{
        const char *path = session->namespace;
        struct stat view, own;

        if (fstat(fd, &view) < 0 || stat("/proc/self/ns/mnt", &own) < 0)
                return refuse(why, -errno, "stat of %s and of /proc/self/ns/mnt", path);
        /* Device first: an ioctl on something else than a namespace file could mean anything. */
        if (view.st_dev != own.st_dev)
                return refuse(why, 0, "%s is not a namespace", path);
        if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNS)
                return refuse(why, 0, "%s is not a mount namespace", path);
        if (view.st_ino != session->inode)
                return refuse(why, 0, "%s is mount namespace %ju and not %ju", path, (uintmax_t) view.st_ino,
                              (uintmax_t) session->inode);
        if (view.st_ino == own.st_ino)
                return refuse(why, 0, "%s is the mount namespace that this login comes from", path);
        return owner_check(fd, why);
}

int view_join(const struct session *session, struct refusal *why)
{
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *directory = NULL;
        int r;

        if (!path_is_descriptor(session->namespace))
                return refuse(why, 0, "the namespace in the reply is not of the form /proc/PID/fd/N");
        /* O_NONBLOCK: should a FIFO stand there, the login must not hang on it. */
        fd = open(session->namespace, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return refuse(why, -errno, "open %s", session->namespace);
        r = view_check(fd, session, why);
        if (r < 0)
                return r;

        /* After the checks, before the join: whoever is refused is outside, and loses at most what he would have handed
         * on to a guest. */
        r = descriptors_seal(why);
        if (r < 0)
                return r;

        directory = getcwd(NULL, 0);
        /* A thread shares root, working directory and umask with the others of its process, and setns() refuses that. */
        if (unshare(CLONE_FS) < 0)
                return refuse(why, -errno, "unshare(CLONE_FS)");
        /* With its type: under RestrictNamespaces= a setns() of "any" is forbidden. */
        if (setns(fd, CLONE_NEWNS) < 0)
                return refuse(why, -errno, "setns");

        /* By its path, never by a descriptor opened before: that would be a way out to the host (CVE-2024-21626). */
        if ((!directory || chdir(directory) < 0) && chdir("/") < 0)
                return refuse(why, -errno, "chdir / in the session's view");
        return 0;
}
