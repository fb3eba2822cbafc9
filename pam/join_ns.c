/*
 * pam_guest: checks and joins the namespaces that guestd named.
 *
 * It must join only guestd's own: the path is of a descriptor that guestd holds, and the reply has the inode. No
 * descriptor of the host may stay, nor the working directory.
 *
 * The PID namespace applies only to children (pid_namespaces(7)). It comes last: after it nothing can fail or fork.
 * Until the session is closed the process cannot start threads, which would be in two PID namespaces at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include <linux/nsfs.h>

#include "join_ns.h"
#include "cleanup.h"
#include "seal_descriptors.h"

/* Arrays: pointers would be data that the loader has to write. */
struct kind {
        char name[8];
        char own[20];
        int type;
};

static const struct kind kinds[NAMESPACES] = {
        [NAMESPACE_MOUNT] = { "mount", "/proc/self/ns/mnt", CLONE_NEWNS },
        [NAMESPACE_IPC] = { "IPC", "/proc/self/ns/ipc", CLONE_NEWIPC },
        [NAMESPACE_PID] = { "PID", "/proc/self/ns/pid", CLONE_NEWPID },
};

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

/* Only /proc/PID/fd/N, which the kernel makes entirely. Excludes links, "..", and /proc/PID/ns/mnt, which may be a
 * leader's. */
static bool path_is_descriptor(const char *path)
{
        const char *end = skip_number(skip_text(skip_number(skip_text(path, "/proc/")), "/fd/"));

        return end && *end == '\0';
}

/* Excludes all namespaces of guests, who create them only in their own user namespace. Holds even if they got the
 * numbers of a guestd that just died. */
static int owner_check(int fd, const char *name, struct refusal *why)
{
        _cleanup_close_ int owner = ioctl(fd, NS_GET_USERNS);
        struct stat theirs, ours;

        if (owner < 0 || fstat(owner, &theirs) < 0 || stat("/proc/self/ns/user", &ours) < 0)
                return refuse(why, -errno, "user namespace of the session's %s namespace", name);
        if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)
                return refuse(why, 0, "the session's %s namespace belongs to another user namespace", name);
        return 0;
}

static int namespace_check(int fd, const struct kind *kind, const struct namespace_ref *ref, struct refusal *why)
{
        struct stat named, own;

        if (fstat(fd, &named) < 0 || stat(kind->own, &own) < 0)
                return refuse(why, -errno, "stat of %s and of %s", ref->path, kind->own);
        /* Device first: on other files the ioctl could mean anything. */
        if (named.st_dev != own.st_dev)
                return refuse(why, 0, "%s is not a namespace", ref->path);
        if (ioctl(fd, NS_GET_NSTYPE) != kind->type)
                return refuse(why, 0, "%s is no %s namespace", ref->path, kind->name);
        if (named.st_ino != ref->inode)
                return refuse(why, 0, "%s is %s namespace %ju and not %ju", ref->path, kind->name,
                              (uintmax_t) named.st_ino, (uintmax_t) ref->inode);
        if (named.st_ino == own.st_ino)
                return refuse(why, 0, "%s is the %s namespace that this login comes from", ref->path, kind->name);
        return owner_check(fd, kind->name, why);
}

/* Returns the descriptor, or a negative errno. */
static int namespace_open(const struct kind *kind, const struct namespace_ref *ref, struct refusal *why)
{
        _cleanup_close_ int fd = -1;
        int r;

        if (!path_is_descriptor(ref->path))
                return refuse(why, 0, "the %s namespace in the reply is not of the form /proc/PID/fd/N", kind->name);
        /* O_NONBLOCK: a FIFO there must not block the login. */
        fd = open(ref->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return refuse(why, -errno, "open %s", ref->path);
        r = namespace_check(fd, kind, ref, why);
        if (r < 0)
                return r;
        r = fd;
        fd = -1;
        return r;
}

/* Before the first is joined: inside, /proc/PID is another process. */
static int namespaces_open(const struct session *session, int fds[static NAMESPACES], struct refusal *why)
{
        for (size_t i = 0; i < NAMESPACES; i++) {
                if (!session->namespaces[i].inode)
                        continue;
                fds[i] = namespace_open(&kinds[i], &session->namespaces[i], why);
                if (fds[i] < 0)
                        return fds[i];
        }
        return 0;
}

static int namespace_join(const int fds[static NAMESPACES], enum namespace_kind kind, struct refusal *why)
{
        if (fds[kind] < 0)
                return 0;
        /* With a type: RestrictNamespaces= forbids setns() without one. */
        if (setns(fds[kind], kinds[kind].type) == 0)
                return 0;
        return refuse(why, -errno, "setns to the %s namespace%s", kinds[kind].name,
                      kind == NAMESPACE_MOUNT ? "" : " (in the view already: this process has to end)");
}

static void descriptors_close(int (*fds)[NAMESPACES])
{
        for (size_t i = 0; i < NAMESPACES; i++)
                close_descriptor(&(*fds)[i]);
}

int session_join(const struct session *session, struct refusal *why)
{
        _cleanup_(descriptors_close) int fds[NAMESPACES] = { -1, -1, -1 };
        _cleanup_free_ char *directory = NULL;
        int r;

        r = namespaces_open(session, fds, why);
        if (r < 0)
                return r;

        /* After the checks, before the join: a refused user is still outside, and loses only what a guest would have
         * inherited. */
        r = descriptors_seal(why);
        if (r < 0)
                return r;

        directory = getcwd(NULL, 0);
        /* setns() refuses a thread that shares root, working directory and umask. */
        if (unshare(CLONE_FS) < 0)
                return refuse(why, -errno, "unshare(CLONE_FS)");
        r = namespace_join(fds, NAMESPACE_MOUNT, why);
        if (r < 0)
                return r;
        /* By path: an earlier descriptor would lead to the host (CVE-2024-21626). */
        if ((!directory || chdir(directory) < 0) && chdir("/") < 0)
                return refuse(why, -errno, "chdir / in the session's view");

        r = namespace_join(fds, NAMESPACE_IPC, why);
        return r < 0 ? r : namespace_join(fds, NAMESPACE_PID, why);
}

/* By a pidfd: in the view a guest could fake /proc/self/ns/pid, and another PID namespace's /proc lacks this
 * process. */
int children_return(struct refusal *why)
{
        _cleanup_close_ int self = pidfd_open(getpid(), 0);

        if (self < 0 || setns(self, CLONE_NEWPID) < 0)
                return refuse(why, -errno, "children go on to be born in the session's PID namespace");
        return 0;
}
