// What guest-holders looks for (holders.c), and whether something matches.
#ifndef GUESTD_CRITERIA_H
#define GUESTD_CRITERIA_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct device {
  unsigned major, minor;
};

/** Reads DEVICES UID NAMESPACES LABEL AFTER. False when they are not as they should be. */
bool read_criteria(char **arguments, int *after);

/** Looks which devices are the kernel's own. False when that cannot be told. */
bool find_own_devices(int proc);

/** Whether files are looked for by who has made them; whether mounts are looked for. */
bool has_user_criterion(void);
bool has_mount_criterion(void);

bool same_device(struct device one, struct device other);
bool is_on_device(struct device device);
bool is_label(const char *source);

/** Whether a file matches by its device or its owner. */
bool file_matches(const struct statx *file);

/** Whether a descriptor, an entry of an open directory, is of a namespace that matches: one of the list, or of the user's making. */
bool is_namespace(int dir, const char *name, const struct statx *file);

/** Whether the root of a mount is a namespace of the list: "mnt:[4026532001]". */
bool is_namespace_root(struct device device, const char *root);

/** A sign of life: guestd takes a process for one that hangs when there is none. */
void give_sign(void);

/** What the kernel knows of a file behind a link of /proc. False when it is gone. */
bool look(int dir, const char *name, struct statx *file);

/** A directory; NULL, or -1, when it is gone. */
DIR *open_list(int dir, const char *name);
int open_entry(int dir, const char *name);

#endif
