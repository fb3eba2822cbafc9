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

/** Reads sets, one a line: "DEVICES UID NAMESPACES LABEL". False if the input is invalid. */
bool read_sets(FILE *input);

/** Finds the kernel's own devices. False if they are unknown. */
bool find_own_devices(int proc);

/** Whether files are searched by their creator; whether mounts are searched. */
bool has_user_criterion(void);
bool has_mount_criterion(void);

bool same_device(struct device one, struct device other);

/** The creator of a file where an open descriptor keeps something of theirs; -1 otherwise. */
int64_t keeper_of(const struct statx *file);

/** Note the sets that look for a device, for a user, for a file by either, for the inode of a namespace. */
void note_device(struct device device, const char *how);
void note_user(int64_t uid, const char *how);
void note_file(const struct statx *file, const char *how);
void note_namespace(uint64_t inode, const char *how);

/**
 * Notes the sets that look for a descriptor, an entry of an open directory: one of their namespaces, or created by
 * their user.
 */
void note_namespace_file(int dir, const char *name, const struct statx *file, const char *how);

/**
 * Notes the sets that look for a mount: by its device, by its root where that is a namespace ("mnt:[4026532001]"), by
 * its source.
 */
void note_mount(struct device device, const char *root, const char *source, const char *how);

/** A sign of life: without one guestd considers the current process to hang. */
void give_sign(void);

/** The kernel's data on a file behind a link of /proc. False when it is gone. */
bool look(int dir, const char *name, struct statx *file);

/** A directory; NULL, or -1, when it is gone. */
DIR *open_list(int dir, const char *name);
int open_entry(int dir, const char *name);

#endif
