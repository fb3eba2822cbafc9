// The search criteria of guest-holders (holders.c): one set per session, and which sets something matches.
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

/** Reads sets, one a line: "DEVICES UID NAMESPACES LABEL". False if invalid. */
bool read_sets(FILE *input);

/** Finds the kernel's own devices. False if unknown. */
bool find_own_devices(int proc);

/** Whether any set looks for a user; for mounts. */
bool has_user_criterion(void);
bool has_mount_criterion(void);

bool same_device(struct device one, struct device other);

/** The creator of a file if an open descriptor keeps something of theirs, or -1. */
int64_t keeper_of(const struct statx *file);

/** Note the sets that match. A file matches by device or user, a namespace by inode. */
void note_device(struct device device, const char *how);
void note_user(int64_t uid, const char *how);
void note_file(const struct statx *file, const char *how);
void note_namespace(uint64_t inode, const char *how);

/** Notes the sets that match an entry of an open directory: by namespace, or by its creator. */
void note_namespace_file(int dir, const char *name, const struct statx *file, const char *how);

/** Notes the sets that match a mount: by device, source, or a root such as "mnt:[4026532001]". */
void note_mount(struct device device, const char *root, const char *source, const char *how);

/** A sign of life: without one guestd considers the current process to hang. */
void give_sign(void);

/** The kernel's data on a file behind a link of /proc. False when it is gone. */
bool look(int dir, const char *name, struct statx *file);

/** NULL, or -1, when it is gone. */
DIR *open_list(int dir, const char *name);
int open_entry(int dir, const char *name);

#endif
