// What is looked for: devices, a user, namespaces, a label; and whether something matches.
#include "criteria.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MOST_CRITERIA = 256, SIGN_EVERY = 1024 };

static struct device devices[MOST_CRITERIA];
static size_t device_count;
static uint64_t namespaces[MOST_CRITERIA];
static size_t namespace_count;
static int64_t uid;
static const char *label;
// Of /proc, and of the file systems that namespaces and pipes are files of.
static struct device proc_device, namespace_device, pipe_device;

bool same_device(struct device one, struct device other) { return one.major == other.major && one.minor == other.minor; }
static struct device device_of(const struct statx *file) { return (struct device){file->stx_dev_major, file->stx_dev_minor}; }

void give_sign(void) {
  static unsigned looks;
  if (++looks % SIGN_EVERY != 0) return;
  putchar('.');
  fflush(stdout);
}

bool look(int dir, const char *name, struct statx *file) {
  give_sign();
  // Safe: asks for no field and DONT_SYNC, so no request is sent (fuse_getattr() and nfs_getattr() say so); mounts nothing.
  return statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, file) == 0;
}

bool is_on_device(struct device device) {
  for (size_t i = 0; i < device_count; i++)
    if (same_device(devices[i], device)) return true;
  return false;
}

bool file_matches(const struct statx *file) {
  const struct device device = device_of(file);
  if (is_on_device(device)) return true;
  // A terminal or a pipe that he has made keeps nothing of his; nor does a directory of /proc. A socket does: who has it speaks as
  // him, to the bus as well, also when his uid is another's. And it keeps the file system that it is bound in.
  const bool keeps = !S_ISCHR(file->stx_mode) && !S_ISBLK(file->stx_mode) && !same_device(device, pipe_device);
  const bool known = (file->stx_mask & STATX_UID) != 0;
  return known && keeps && !same_device(device, proc_device) && (int64_t)file->stx_uid == uid;
}

/** Whether a namespace is of a user namespace that the user has made: who has it keeps all that was mounted or shared in it. */
static bool made_by_user(int dir, const char *name) {
  const int fd = uid < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const int user = ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWUSER ? fd : ioctl(fd, NS_GET_USERNS);
  uid_t owner;
  const bool his = user >= 0 && ioctl(user, NS_GET_OWNER_UID, &owner) == 0 && (int64_t)owner == uid;
  if (user >= 0 && user != fd) close(user);
  close(fd);
  return his;
}

static bool is_listed(uint64_t inode) {
  for (size_t i = 0; i < namespace_count; i++)
    if (namespaces[i] == inode) return true;
  return false;
}

bool is_namespace(int dir, const char *name, const struct statx *file) {
  return same_device(device_of(file), namespace_device) && (is_listed(file->stx_ino) || made_by_user(dir, name));
}

bool is_namespace_root(struct device device, const char *root) {
  const char *inode = strchr(root, '[');
  return inode != NULL && same_device(device, namespace_device) && is_listed(strtoull(inode + 1, NULL, 10));
}

bool is_label(const char *source) { return *label != '\0' && strcmp(source, label) == 0; }

bool has_user_criterion(void) { return uid >= 0; }

bool has_mount_criterion(void) { return *label != '\0' || device_count > 0; }

DIR *open_list(int dir, const char *name) {
  const int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = fd < 0 ? NULL : fdopendir(fd);
  if (list == NULL && fd >= 0) close(fd);
  return list;
}

int open_entry(int dir, const char *name) { return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

bool find_own_devices(int proc) {
  struct statx file;
  if (!look(proc, ".", &file)) return false;
  proc_device = device_of(&file);
  if (!look(proc, "self/ns/mnt", &file)) return false;
  namespace_device = device_of(&file);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  const bool known = statx(ends[0], "", AT_EMPTY_PATH, 0, &file) == 0;
  pipe_device = device_of(&file);
  close(ends[0]);
  close(ends[1]);
  return known;
}

/** A number without a sign, up to the character that ends it. */
static bool read_number(const char **text, const char *ends, uint64_t most, uint64_t *number) {
  char *end;
  errno = 0;
  *number = strtoull(*text, &end, 10);
  const bool good = errno == 0 && **text >= '0' && **text <= '9' && *number <= most && strchr(ends, *end) != NULL;
  *text = end;
  return good;
}

static bool read_devices(const char *text) {
  while (*text != '\0') {
    uint64_t major, minor;
    if (device_count == MOST_CRITERIA || !read_number(&text, ":", UINT32_MAX, &major) || *text++ != ':') return false;
    if (!read_number(&text, ",", UINT32_MAX, &minor)) return false;
    devices[device_count++] = (struct device){(unsigned)major, (unsigned)minor};
    if (*text != '\0' && *++text == '\0') return false;
  }
  return true;
}

static bool read_namespaces(const char *text) {
  while (*text != '\0') {
    if (namespace_count == MOST_CRITERIA || !read_number(&text, ",", UINT64_MAX, &namespaces[namespace_count])) return false;
    namespace_count++;
    if (*text != '\0' && *++text == '\0') return false;
  }
  return true;
}

bool read_criteria(char **arguments, int *after) {
  uint64_t user = 0, last;
  const char *text = arguments[2], *rest = arguments[5];
  label = arguments[4];
  const bool nobody = strcmp(text, "-1") == 0;
  if (!nobody && !read_number(&text, "", UINT32_MAX - 1, &user)) return false;
  uid = nobody ? -1 : (int64_t)user;
  if (!read_number(&rest, "", INT32_MAX, &last)) return false;
  *after = (int)last;
  return read_devices(arguments[1]) && read_namespaces(arguments[3]);
}
