// Who has something mounted that matches the criteria, in whatever mount namespace: each is looked into once.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mounts.h"

#include "criteria.h"

// Namespaces that are remembered; anybody can mount so much in one that it takes minutes to read.
enum { MOST_NAMESPACES = 1 << 16, MOUNTS_MS = 300 };

static uint64_t seen[MOST_NAMESPACES];
static size_t seen_count;

static bool was_seen(uint64_t inode) {
  for (size_t i = 0; i < seen_count; i++)
    if (seen[i] == inode) return true;
  return false;
}

/** A line of proc_pid_mountinfo(5): "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS... - TYPE SOURCE OPTIONS". Puts where PATH is. */
static bool mount_matches(char *line, char **path) {
  char *after = strstr(line, " - ");
  char *fields = line, *root = strtok_r(line, " ", &fields);
  struct device device = {0, 0};
  for (int i = 0; i < 3 && root != NULL; i++) {
    if (i == 2 && sscanf(root, "%u:%u", &device.major, &device.minor) != 2) return false;
    root = strtok_r(NULL, " ", &fields);
  }
  *path = root == NULL ? NULL : strtok_r(NULL, " ", &fields);
  if (*path == NULL || after == NULL) return false;
  if (is_on_device(device) || is_namespace_root(device, root)) return true;
  char *source = after + strlen(" - "), *end;
  strtok_r(source, " ", &end);
  source = strtok_r(NULL, " ", &end);
  return source != NULL && is_label(source);
}

/** What this program has had of a processor: a machine that is busy makes nobody's mounts many. */
static long used_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Says what of it is mounted in a mount namespace of this inode, and whether that could be told. One that goes meanwhile tells nothing. */
static bool say_mounts_of(int thread, uint64_t inode) {
  const int fd = openat(thread, "mountinfo", O_RDONLY | O_CLOEXEC);
  FILE *mounts = fd < 0 ? NULL : fdopen(fd, "re");
  if (mounts == NULL) {
    if (fd >= 0) close(fd);
    return false;
  }
  const long begun = used_ms();
  char *line = NULL, *path;
  size_t size = 0;
  bool found = false, late = false;
  while (!found && !late && getline(&line, &size, mounts) > 0) {
    give_sign();
    found = mount_matches(line, &path);
    late = used_ms() - begun > MOUNTS_MS;
  }
  const bool told = found || late || (feof(mounts) && !ferror(mounts));
  if (found) printf(" mount %s", path);
  else if (late) printf(" unread");
  if (told && seen_count < MOST_NAMESPACES) seen[seen_count++] = inode;
  free(line);
  fclose(mounts);
  return found || late;
}

static bool say_mounts_in(int thread) {
  struct statx file;
  return look(thread, "ns/mnt", &file) && !was_seen(file.stx_ino) && say_mounts_of(thread, file.stx_ino);
}

// Of each thread: one that is not the first can be in another namespace.
void say_mounts(int process) {
  if (!has_mount_criterion()) return;
  DIR *threads = open_list(process, "task");
  if (threads == NULL) return;
  for (const struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
    const int thread = entry->d_name[0] == '.' ? -1 : open_entry(dirfd(threads), entry->d_name);
    if (thread < 0) continue;
    const bool said = say_mounts_in(thread);
    close(thread);
    if (said) break;
  }
  closedir(threads);
}
