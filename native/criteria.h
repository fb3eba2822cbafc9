// What guest-holders looks for (holders.c): sets of criteria, one for each session; and which of them something matches.
#ifndef GUESTD_CRITERIA_H
#define GUESTD_CRITERIA_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

struct device {
  unsigned major, minor;
};

/** Reads sets, one a line: "DEVICES UID NAMESPACES LABEL". False when they are not as they should be. */
bool read_sets(FILE *input);

/** Looks which devices are the kernel's own. False when that cannot be told. */
bool find_own_devices(int proc);

/** Whether files are looked for by who has made them; whether mounts are looked for. */
bool has_user_criterion(void);
bool has_mount_criterion(void);

bool same_device(struct device one, struct device other);

/** Who has made a file, where having it open keeps anything of theirs; -1 otherwise. */
int64_t keeper_of(const struct statx *file);

/** Note which sets look for a device, for a user, for a file by either, for the inode of a namespace. */
void note_device(struct device device, const char *how);
void note_user(int64_t uid, const char *how);
void note_file(const struct statx *file, const char *how);
void note_namespace(uint64_t inode, const char *how);

/** Notes which sets look for a descriptor, an entry of an open directory: of one of their namespaces, or of their user's making. */
void note_namespace_file(int dir, const char *name, const struct statx *file, const char *how);

/** Notes which sets look for a mount: by its device, by its root where that is a namespace ("mnt:[4026532001]"), by its source. */
void note_mount(struct device device, const char *root, const char *source, const char *how);

/** A sign of life: guestd takes a process for one that hangs when there is none. */
void give_sign(void);

/** What the kernel knows of a file behind a link of /proc. False when it is gone. */
bool look(int dir, const char *name, struct statx *file);

/** A directory; NULL, or -1, when it is gone. */
DIR *open_list(int dir, const char *name);
int open_entry(int dir, const char *name);

enum { UIDS = 4 };

/** The real, effective, saved and file system uid of a process that has not ended: of a zombie whose other threads run as well. */
bool read_uids(int process, unsigned uids[UIDS]);

#endif
