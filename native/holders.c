// guest-holders: who holds files of some file systems, of some user, or some namespaces, and who has any of it mounted; a look at
// all processes by way of /proc.
// Asks no file system: one that does not answer (a dead server, a FUSE of a guest's) must not hold the look up. A process
// that hangs in execve(2) does that all the same: so each is named before it is looked at, and guestd ends this one and goes on.
// Run by guestd, as root: guest-holders DEVICES UID NAMESPACES LABEL AFTER
//   DEVICES     every file on these: "0:57,0:58" as in /proc/PID/mountinfo, or ""
//   UID         files and sockets that this user has made, wherever they are, and namespaces that are his; -1 for none
//   NAMESPACES  inodes, as of /proc/PID/ns/mnt: "4026532001,4026532002", or ""; guestd keeps them with init as well
//   LABEL       source of mounts, or ""; those of DEVICES and NAMESPACES are looked for as well
//   AFTER       the last process that is not looked at, for the first: 0
// Says for each process "PID", then "." now and then, then " HOW" if it holds any of this, then " mount PATH" (as in mountinfo) where
// it is the first of its mount namespace and has any of it mounted, or " unread" where its mounts take too long, and a new line. HOW is
// "descriptor", "namespace", "directory", "root", "program" or "mapping", what was found first. Ends with "end". Never the one that
// started it.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "criteria.h"
#include "mounts.h"

enum { MOST_PROCESSES = 1 << 22, REMEMBERED = 4096, TRIES = 25, TRY_MS = 20 };

// Whether a mapped file is the user's, asked once of each as a rule: a library is mapped by everybody.
static struct {
  struct device device;
  unsigned long inode;
  bool known, matches;
} remembered[REMEMBERED];

static bool link_matches(int process, const char *name) {
  struct statx file;
  return look(process, name, &file) && file_matches(&file);
}

static const char *find_descriptor(int process, bool is_init) {
  DIR *list = open_list(process, "fd");
  if (list == NULL) return NULL;
  const char *how = NULL;
  for (const struct dirent *entry = readdir(list); entry != NULL && how == NULL; entry = readdir(list)) {
    struct statx file;
    if (entry->d_name[0] == '.' || !look(dirfd(list), entry->d_name, &file)) continue;
    if (file_matches(&file)) how = "descriptor";
    else if (!is_init && is_namespace(dirfd(list), entry->d_name, &file)) how = "namespace";
  }
  closedir(list);
  return how;
}

/** Whether a mapped file is the user's. A mapping that has gone by now says nothing of the file. */
static bool mapping_matches(int files, const char *range, struct device device, unsigned long inode) {
  const size_t slot = (inode * 31 + device.minor) % REMEMBERED;
  if (remembered[slot].known && remembered[slot].inode == inode && same_device(remembered[slot].device, device))
    return remembered[slot].matches;
  struct statx file;
  if (!look(files, range, &file)) return false;
  remembered[slot].device = device;
  remembered[slot].inode = inode;
  remembered[slot].known = true;
  remembered[slot].matches = file_matches(&file);
  return remembered[slot].matches;
}

/** A line of proc_pid_maps(5): "START-END FLAGS OFFSET MAJOR:MINOR INODE PATH". */
static bool line_matches(const char *line, int files) {
  unsigned long start, end, inode;
  struct device device;
  const int fields = sscanf(line, "%lx-%lx %*s %*x %x:%x %lu", &start, &end, &device.major, &device.minor, &inode);
  if (fields < 5 || inode == 0) return false;
  if (is_on_device(device)) return true;
  if (files < 0) return false;
  char range[64];
  snprintf(range, sizeof range, "%lx-%lx", start, end);
  return mapping_matches(files, range, device, inode);
}

static bool has_mapping(int process) {
  const int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
  FILE *maps = fd < 0 ? NULL : fdopen(fd, "re");
  if (maps == NULL) {
    if (fd >= 0) close(fd);
    return false;
  }
  const int files = !has_user_criterion() ? -1 : openat(process, "map_files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  char *line = NULL;
  size_t size = 0;
  bool found = false;
  while (!found && getline(&line, &size, maps) > 0) {
    give_sign();
    found = line_matches(line, files);
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

static const char *find_in_thread(int process, bool is_init) {
  const char *how = find_descriptor(process, is_init);
  if (how == NULL && link_matches(process, "cwd")) how = "directory";
  if (how == NULL && link_matches(process, "root")) how = "root";
  if (how == NULL && link_matches(process, "exe")) how = "program";
  if (how == NULL && has_mapping(process)) how = "mapping";
  return how;
}

static bool shares(int pid, int thread, int what) { return syscall(SYS_kcmp, pid, thread, what, 0, 0) == 0; }

/** By its first thread, then by those that have descriptors or directories of their own: the first may have ended. */
static const char *find_in(int process, int pid) {
  const char *how = find_in_thread(process, pid == 1);
  DIR *threads = how == NULL ? open_list(process, "task") : NULL;
  if (threads == NULL) return how;
  for (const struct dirent *entry = readdir(threads); entry != NULL && how == NULL; entry = readdir(threads)) {
    const int id = atoi(entry->d_name);
    if (id <= 0 || id == pid || (shares(pid, id, KCMP_FILES) && shares(pid, id, KCMP_FS))) continue;
    const int thread = open_entry(dirfd(threads), entry->d_name);
    if (thread < 0) continue;
    how = find_in_thread(thread, pid == 1);
    close(thread);
  }
  closedir(threads);
  return how;
}

/** Says how a process holds what is looked for, if it does. By its directory: its number may be another's soon. */
static void say_what_it_holds(int proc, int pid) {
  char name[16];
  snprintf(name, sizeof name, "%d", pid);
  const int process = open_entry(proc, name);
  if (process < 0) return;
  const char *how = find_in(process, pid);
  // What guestd or init is just starting has all of its descriptors, until it is the program that it will be.
  for (int tries = 0; how != NULL && tries < TRIES && is_keepers(process, how); tries++) {
    const struct timespec pause = {.tv_nsec = TRY_MS * 1000000L};
    nanosleep(&pause, NULL);
    putchar('.');
    fflush(stdout);
    how = find_in(process, pid);
  }
  if (how != NULL) printf(" %s", how);
  say_mounts(process);
  close(process);
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

int main(int count, char **arguments) {
  int after;
  if (count != 6 || !read_criteria(arguments, &after)) return 2;
  DIR *proc = open_list(AT_FDCWD, "/proc");
  if (proc == NULL || !find_own_devices(dirfd(proc))) return 1;
  int *pids = NULL;
  const long processes = list_processes(proc, after, &pids);
  for (long i = 0; i < processes; i++) {
    printf("%d", pids[i]);
    if (fflush(stdout) != 0) return 1;
    say_what_it_holds(dirfd(proc), pids[i]);
    putchar('\n');
  }
  free(pids);
  closedir(proc);
  return processes < 0 || puts("end") < 0 || fflush(stdout) != 0;
}
