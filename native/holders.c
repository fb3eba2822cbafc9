// guest-holders: who holds files of some file systems, of some user, or some namespaces; a look at all processes by way of /proc.
// Asks no file system: one that does not answer (a dead server, a FUSE of a guest's) must not hold the look up. A process
// that hangs in execve(2) does that all the same: so each is named before it is looked at, and guestd ends this one and goes on.
// Run by guestd, as root: guest-holders DEVICES UID NAMESPACES AFTER
//   DEVICES     every file on these: "0:57,0:58" as in /proc/PID/mountinfo, or ""
//   UID         regular files and directories of this user, wherever they are; -1 for none
//   NAMESPACES  inodes, as of /proc/PID/ns/mnt: "4026532001,4026532002", or ""; guestd keeps them with init as well
//   AFTER       the last process that is not looked at, for the first: 0
// Says for each process "PID", then "." now and then, then " HOW" if it holds any of this, and a new line: HOW is "descriptor",
// "namespace", "directory", "root", "program" or "mapping", what was found first. Ends with "end". Never the one that started it.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SOUGHT = 256, MOST_PROCESSES = 1 << 22, REMEMBERED = 4096, SIGN_EVERY = 1024, TRIES = 25, TRY_MS = 20 };

struct device {
  unsigned major, minor;
};

static struct device devices[MOST_SOUGHT];
static size_t device_count;
static uint64_t namespaces[MOST_SOUGHT];
static size_t namespace_count;
static int64_t uid;
// Of /proc, and of the file system that namespaces are files of.
static struct device proc_device, namespace_device;
// Whether a mapped file is the user's, asked once of each as a rule: a library is mapped by everybody.
static struct {
  struct device device;
  unsigned long inode;
  bool known, sought;
} remembered[REMEMBERED];

static bool same_device(struct device one, struct device other) { return one.major == other.major && one.minor == other.minor; }
static struct device device_of(const struct statx *file) { return (struct device){file->stx_dev_major, file->stx_dev_minor}; }

/** A sign of life: guestd takes a process for one that hangs when there is none. */
static void give_sign(void) {
  static unsigned looks;
  if (++looks % SIGN_EVERY != 0) return;
  putchar('.');
  fflush(stdout);
}

/** What the kernel knows of a file behind a link of /proc. False when it is gone. */
static bool look(int dir, const char *name, struct statx *file) {
  give_sign();
  // Safe: asks for no field and DONT_SYNC, so no request is sent (fuse_getattr() and nfs_getattr() say so); mounts nothing.
  return statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, file) == 0;
}

static bool is_on_device(struct device device) {
  for (size_t i = 0; i < device_count; i++)
    if (same_device(devices[i], device)) return true;
  return false;
}

static bool is_sought(const struct statx *file) {
  const struct device device = device_of(file);
  if (is_on_device(device)) return true;
  // A terminal, a pipe or a socket that he has made keeps nothing of his; nor does a directory of /proc.
  const bool keeps = S_ISREG(file->stx_mode) || S_ISDIR(file->stx_mode);
  const bool known = (file->stx_mask & STATX_UID) != 0;
  return known && keeps && !same_device(device, proc_device) && (int64_t)file->stx_uid == uid;
}

static bool is_namespace(const struct statx *file) {
  if (!same_device(device_of(file), namespace_device)) return false;
  for (size_t i = 0; i < namespace_count; i++)
    if (namespaces[i] == file->stx_ino) return true;
  return false;
}

static bool link_is_sought(int process, const char *name) {
  struct statx file;
  return look(process, name, &file) && is_sought(&file);
}

static DIR *open_list(int dir, const char *name) {
  const int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = fd < 0 ? NULL : fdopendir(fd);
  if (list == NULL && fd >= 0) close(fd);
  return list;
}

static const char *find_descriptor(int process, bool is_init) {
  DIR *list = open_list(process, "fd");
  if (list == NULL) return NULL;
  const char *how = NULL;
  for (const struct dirent *entry = readdir(list); entry != NULL && how == NULL; entry = readdir(list)) {
    struct statx file;
    if (entry->d_name[0] == '.' || !look(dirfd(list), entry->d_name, &file)) continue;
    if (is_sought(&file)) how = "descriptor";
    else if (!is_init && is_namespace(&file)) how = "namespace";
  }
  closedir(list);
  return how;
}

/** Whether a mapped file is the user's. A mapping that has gone by now says nothing of the file. */
static bool mapped_is_sought(int files, const char *range, struct device device, unsigned long inode) {
  const size_t place = (inode * 31 + device.minor) % REMEMBERED;
  if (remembered[place].known && remembered[place].inode == inode && same_device(remembered[place].device, device))
    return remembered[place].sought;
  struct statx file;
  if (!look(files, range, &file)) return false;
  remembered[place].device = device;
  remembered[place].inode = inode;
  remembered[place].known = true;
  remembered[place].sought = is_sought(&file);
  return remembered[place].sought;
}

/** A line of proc_pid_maps(5): "START-END FLAGS OFFSET MAJOR:MINOR INODE PATH". */
static bool line_is_sought(const char *line, int files) {
  unsigned long start, end, inode;
  struct device device;
  const int fields = sscanf(line, "%lx-%lx %*s %*x %x:%x %lu", &start, &end, &device.major, &device.minor, &inode);
  if (fields < 5 || inode == 0) return false;
  if (is_on_device(device)) return true;
  if (files < 0) return false;
  char range[64];
  snprintf(range, sizeof range, "%lx-%lx", start, end);
  return mapped_is_sought(files, range, device, inode);
}

static bool has_mapping(int process) {
  const int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
  FILE *maps = fd < 0 ? NULL : fdopen(fd, "re");
  if (maps == NULL) {
    if (fd >= 0) close(fd);
    return false;
  }
  const int files = uid < 0 ? -1 : openat(process, "map_files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  char *line = NULL;
  size_t size = 0;
  bool found = false;
  while (!found && getline(&line, &size, maps) > 0) {
    give_sign();
    found = line_is_sought(line, files);
  }
  free(line);
  if (files >= 0) close(files);
  fclose(maps);
  return found;
}

/** Whether guestd has started it; or init, where systemd keeps guestd's namespaces. */
static bool is_keepers(int process, const char *how) {
  char stat[512] = "";
  const int fd = openat(process, "stat", O_RDONLY | O_CLOEXEC);
  const ssize_t length = fd < 0 ? 0 : read(fd, stat, sizeof stat - 1);
  if (fd >= 0) close(fd);
  // "PID (NAME) STATE PARENT": there may be brackets in the name.
  const char *end = length > 0 ? strrchr(stat, ')') : NULL;
  int parent = 0;
  return end != NULL && sscanf(end + 1, " %*c %d", &parent) == 1 &&
         (parent == getppid() || (parent == 1 && strcmp(how, "namespace") == 0));
}

static const char *find_in(int process, bool is_init) {
  const char *how = find_descriptor(process, is_init);
  if (how == NULL && link_is_sought(process, "cwd")) how = "directory";
  if (how == NULL && link_is_sought(process, "root")) how = "root";
  if (how == NULL && link_is_sought(process, "exe")) how = "program";
  if (how == NULL && has_mapping(process)) how = "mapping";
  return how;
}

/** How a process holds what is sought; NULL when it does not, or is gone. By its directory: its number may be another's soon. */
static const char *find(int proc, int pid) {
  char name[16];
  snprintf(name, sizeof name, "%d", pid);
  const int process = openat(proc, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (process < 0) return NULL;
  const char *how = find_in(process, pid == 1);
  // What guestd or init is just starting has all of its descriptors, until it is the program that it will be.
  for (int tries = 0; how != NULL && tries < TRIES && is_keepers(process, how); tries++) {
    const struct timespec pause = {.tv_nsec = TRY_MS * 1000000L};
    nanosleep(&pause, NULL);
    putchar('.');
    fflush(stdout);
    how = find_in(process, pid == 1);
  }
  close(process);
  return how;
}

static int compare(const void *one, const void *other) { return *(const int *)one - *(const int *)other; }

/** All processes after one, but ours and that which started us, in the order of their numbers. Gives their number; -1 when /proc cannot be read. */
static long list_processes(DIR *proc, int after, int **pids) {
  long count = 0, space = 0;
  errno = 0;
  for (const struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
    const long pid = strtol(entry->d_name, NULL, 10);
    if (pid <= after || pid == getpid() || pid == getppid()) continue;
    if (count == space) {
      space = space == 0 ? 1024 : space * 2;
      int *more = space > MOST_PROCESSES ? NULL : realloc(*pids, (size_t)space * sizeof **pids);
      if (more == NULL) return -1;
      *pids = more;
    }
    (*pids)[count++] = (int)pid;
    errno = 0;
  }
  if (errno != 0) return -1;
  if (count > 0) qsort(*pids, (size_t)count, sizeof **pids, compare);
  return count;
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
    if (device_count == MOST_SOUGHT || !read_number(&text, ":", UINT32_MAX, &major) || *text++ != ':') return false;
    if (!read_number(&text, ",", UINT32_MAX, &minor)) return false;
    devices[device_count++] = (struct device){(unsigned)major, (unsigned)minor};
    if (*text != '\0' && *++text == '\0') return false;
  }
  return true;
}

static bool read_namespaces(const char *text) {
  while (*text != '\0') {
    if (namespace_count == MOST_SOUGHT || !read_number(&text, ",", UINT64_MAX, &namespaces[namespace_count])) return false;
    namespace_count++;
    if (*text != '\0' && *++text == '\0') return false;
  }
  return true;
}

static bool read_arguments(char **arguments, int *after) {
  uint64_t user = 0, last;
  const char *text = arguments[2], *rest = arguments[4];
  const bool nobody = strcmp(text, "-1") == 0;
  if (!nobody && !read_number(&text, "", UINT32_MAX - 1, &user)) return false;
  uid = nobody ? -1 : (int64_t)user;
  if (!read_number(&rest, "", INT32_MAX, &last)) return false;
  *after = (int)last;
  return read_devices(arguments[1]) && read_namespaces(arguments[3]);
}

int main(int count, char **arguments) {
  int after;
  if (count != 5 || !read_arguments(arguments, &after)) return 2;
  DIR *proc = open_list(AT_FDCWD, "/proc");
  struct statx file;
  if (proc == NULL || !look(dirfd(proc), ".", &file)) return 1;
  proc_device = device_of(&file);
  if (!look(dirfd(proc), "self/ns/mnt", &file)) return 1;
  namespace_device = device_of(&file);
  int *pids = NULL;
  const long processes = list_processes(proc, after, &pids);
  for (long i = 0; i < processes; i++) {
    printf("%d", pids[i]);
    if (fflush(stdout) != 0) return 1;
    const char *how = find(dirfd(proc), pids[i]);
    printf("%s%s\n", how == NULL ? "" : " ", how == NULL ? "" : how);
  }
  free(pids);
  closedir(proc);
  return processes < 0 || puts("end") < 0 || fflush(stdout) != 0;
}
