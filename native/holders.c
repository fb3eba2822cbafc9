// guest-holders: which processes hold something of sessions, or belong to them: one look at /proc for all sessions.
// Sends no request to a file system, which a dead server or a guest's FUSE could block. Prints each PID before looking:
// if a process hangs in execve(2), guestd restarts this program after it.
// Run by guestd, as root: guest-holders holders|members AFTER
//   holders  processes that have files of a session open or mounted
//   members  processes that belong to a session (members.c)
//   AFTER    the last PID to skip; 0 for none
// Reads a line of criteria for each session, "-" for an absent one: DEVICES UID NAMESPACES LABEL
//   DEVICES     of files: "0:57,0:58" as in /proc/PID/mountinfo
//   UID         the creator of files, sockets and namespaces; the user of processes
//   NAMESPACES  inodes of /proc/PID/ns/mnt and the like: "4026532001,4026532002"; guestd also keeps them with init
//   LABEL       source of mounts; mounts also match DEVICES and NAMESPACES
// Prints a line for each process but its parent, then "end". A line is "PID", with any of:
//   " SET:HOW"         for each matching set, from 0. HOW is the first found: descriptor, namespace, directory, root,
//                      program, mapping; or member
//   " SET:mount=PATH"  for each matching mount, as in mountinfo, by the first process of its mount namespace
//   " unread-files", " unread-mounts"  where reading takes too long
//   " ."               now and then
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "allowance.h"
#include "criteria.h"
#include "members.h"
#include "mounts.h"
#include "notes.h"

enum { MOST_PROCESSES = 1 << 22, REMEMBERED = 4096, TRIES = 25, TRY_MS = 20, PROCESS_MS = 300 };

// Creators of mapped files. All processes map the same libraries, so each is looked up once.
static struct {
  struct device device;
  unsigned long inode;
  bool known;
  int64_t keeper;
} remembered[REMEMBERED];

static void note_link(int process, const char *name, const char *how) {
  struct statx file;
  if (look(process, name, &file)) note_file(&file, how);
}

static void note_descriptors(int process, bool is_init) {
  DIR *list = open_list(process, "fd");
  if (list == NULL) return;
  for (const struct dirent *entry = readdir(list); entry != NULL && !is_late(); entry = readdir(list)) {
    struct statx file;
    if (entry->d_name[0] == '.' || !look(dirfd(list), entry->d_name, &file)) continue;
    note_file(&file, "descriptor");
    if (!is_init) note_namespace_file(dirfd(list), entry->d_name, &file, "namespace");
  }
  closedir(list);
}

static int64_t keeper_by_mapping(int files, const char *range, struct device device, unsigned long inode) {
  const size_t slot = (inode * 31 + device.minor) % REMEMBERED;
  if (remembered[slot].known && remembered[slot].inode == inode && same_device(remembered[slot].device, device))
    return remembered[slot].keeper;
  struct statx file;
  if (!look(files, range, &file)) return -1;
  remembered[slot].device = device;
  remembered[slot].inode = inode;
  remembered[slot].known = true;
  remembered[slot].keeper = keeper_of(&file);
  return remembered[slot].keeper;
}

/** A line of proc_pid_maps(5): "START-END FLAGS OFFSET MAJOR:MINOR INODE PATH". */
static void note_mapping(const char *line, int files) {
  unsigned long start, end, inode;
  struct device device;
  const int fields = sscanf(line, "%lx-%lx %*s %*x %x:%x %lu", &start, &end, &device.major, &device.minor, &inode);
  if (fields < 5 || inode == 0) return;
  note_device(device, "mapping");
  if (files < 0) return;
  char range[64];
  snprintf(range, sizeof range, "%lx-%lx", start, end);
  note_user(keeper_by_mapping(files, range, device, inode), "mapping");
}

/** Whether all were read. A thread that has ended has none. */
static bool note_mappings(int process) {
  const int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
  FILE *maps = fd < 0 ? NULL : fdopen(fd, "re");
  if (maps == NULL) {
    if (fd >= 0) close(fd);
    return false;
  }
  const int files = !has_user_criterion() ? -1 : openat(process, "map_files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  char *line = NULL;
  size_t size = 0;
  bool any = false;
  while (!is_late() && getline(&line, &size, maps) > 0) {
    give_sign();
    note_mapping(line, files);
    any = true;
  }
  const bool whole = any && feof(maps) && !ferror(maps);
  free(line);
  if (files >= 0) close(files);
  fclose(maps);
  return whole;
}

static int parent_of(int process) {
  char stat[512] = "";
  const int fd = openat(process, "stat", O_RDONLY | O_CLOEXEC);
  const ssize_t length = fd < 0 ? 0 : read(fd, stat, sizeof stat - 1);
  if (fd >= 0) close(fd);
  // "PID (NAME) STATE PARENT": the name may contain brackets.
  const char *end = length > 0 ? strrchr(stat, ')') : NULL;
  int parent = 0;
  return end != NULL && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/**
 * Whether its parent is guestd, or init, which keeps guestd's namespaces. Init adopts all orphans, so its children are
 * waited for at most a second in total.
 */
static bool is_keepers(int process) {
  static int left = 1000 / TRY_MS;
  const int parent = parent_of(process);
  return parent == getppid() || (parent == 1 && has_note_of("namespace") && left-- > 0);
}

/** Threads share memory. It is read once, through the first thread that has not ended. */
static void note_thread(int thread, bool is_init, bool *memory_read) {
  note_descriptors(thread, is_init);
  note_link(thread, "cwd", "directory");
  note_link(thread, "root", "root");
  if (*memory_read || is_late()) return;
  note_link(thread, "exe", "program");
  *memory_read = note_mappings(thread);
}

static bool shares(int pid, int thread, int what) { return syscall(SYS_kcmp, pid, thread, what, 0, 0) == 0; }

/** The first thread may have ended; others may have their own descriptors or directories. */
static void note_process(int process, int pid) {
  forget_notes();
  bool memory_read = false;
  note_thread(process, pid == 1, &memory_read);
  DIR *threads = open_list(process, "task");
  if (threads == NULL) return;
  for (const struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
    if (is_late()) break;
    const int id = atoi(entry->d_name);
    if (id <= 0 || id == pid || (shares(pid, id, KCMP_FILES) && shares(pid, id, KCMP_FS))) continue;
    const int thread = open_entry(dirfd(threads), entry->d_name);
    if (thread < 0) continue;
    note_thread(thread, pid == 1, &memory_read);
    close(thread);
  }
  closedir(threads);
}

static void say_holdings(int process, int pid) {
  start_process(process);
  start_part(PROCESS_MS);
  note_process(process, pid);
  // Until it executes its program, a child of guestd or init holds their descriptors.
  for (int tries = 0; has_notes() && !is_late() && tries < TRIES && is_keepers(process); tries++) {
    const struct timespec pause = {.tv_nsec = TRY_MS * 1000000L};
    nanosleep(&pause, NULL);
    fputs(" .", stdout);
    fflush(stdout);
    note_process(process, pid);
  }
  say_notes(NULL);
  forget_notes();
  if (is_late()) fputs(" unread-files", stdout);
  say_mounts(process);
}

static int compare(const void *one, const void *other) { return *(const int *)one - *(const int *)other; }

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

/** Uses the directory, because the number may be reused. */
static bool say_process(int proc, int pid, bool members) {
  printf("%d", pid);
  if (fflush(stdout) != 0) return false;
  char name[16];
  snprintf(name, sizeof name, "%d", pid);
  const int process = open_entry(proc, name);
  if (process >= 0) {
    if (members) say_memberships(process);
    else say_holdings(process, pid);
    close(process);
  }
  putchar('\n');
  return true;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const bool members = strcmp(arguments[1], "members") == 0;
  char *end;
  const long after = strtol(arguments[2], &end, 10);
  const bool good = (members || strcmp(arguments[1], "holders") == 0) && end != arguments[2] && *end == '\0' && after >= 0 && after <= INT_MAX;
  if (!good || !read_sets(stdin)) return 2;
  DIR *proc = open_list(AT_FDCWD, "/proc");
  if (proc == NULL || !find_own_devices(dirfd(proc)) || !pass_over_own_view(dirfd(proc))) return 1;
  int *pids = NULL;
  const long processes = list_processes(proc, (int)after, &pids);
  for (long i = 0; i < processes; i++)
    if (!say_process(dirfd(proc), pids[i], members)) return 1;
  free(pids);
  closedir(proc);
  return processes < 0 || puts("end") < 0 || fflush(stdout) != 0;
}
