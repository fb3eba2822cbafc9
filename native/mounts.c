// Which processes have a matching mount. Reads each mount namespace once.
#include "mounts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allowance.h"
#include "criteria.h"
#include "notes.h"

// Namespaces to remember. Any user can mount so much in one that reading takes minutes.
enum { MOST_NAMESPACES = 1 << 16, MOUNTS_MS = 300 };

struct mount {
  struct device device;
  const char *root, *path, *source;
};

static uint64_t seen[MOST_NAMESPACES];
static size_t seen_count;

static bool was_seen(uint64_t inode) {
  for (size_t i = 0; i < seen_count; i++)
    if (seen[i] == inode) return true;
  return false;
}

/** A line of proc_pid_mountinfo(5): "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS... - TYPE SOURCE OPTIONS". */
static bool read_mount(char *line, struct mount *mount) {
  char *after = strstr(line, " - ");
  char *fields, *field = strtok_r(line, " ", &fields);
  for (int i = 0; i < 2 && field != NULL; i++) field = strtok_r(NULL, " ", &fields);
  if (field == NULL || sscanf(field, "%u:%u", &mount->device.major, &mount->device.minor) != 2) return false;
  mount->root = strtok_r(NULL, " ", &fields);
  mount->path = mount->root == NULL ? NULL : strtok_r(NULL, " ", &fields);
  if (mount->path == NULL || after == NULL) return false;
  char *end;
  strtok_r(after + strlen(" - "), " ", &end);
  mount->source = strtok_r(NULL, " ", &end);
  return mount->source != NULL;
}

enum reading each_mount(int thread, void (*show)(const struct mount *)) {
  const int fd = openat(thread, "mountinfo", O_RDONLY | O_CLOEXEC);
  FILE *mounts = fd < 0 ? NULL : fdopen(fd, "re");
  if (mounts == NULL) {
    if (fd >= 0) close(fd);
    return GONE;
  }
  const long begun = cost_so_far();
  char *line = NULL;
  size_t size = 0;
  enum reading late = READ;
  while (late == READ && getline(&line, &size, mounts) > 0) {
    give_sign();
    struct mount mount;
    if (read_mount(line, &mount)) show(&mount);
    late = cost_so_far() - begun > MOUNTS_MS * 1000L ? LATE : is_late() ? BROKEN_OFF : READ;
  }
  const bool whole = feof(mounts) && !ferror(mounts);
  free(line);
  fclose(mounts);
  return late != READ ? late : whole ? READ : GONE;
}

void note_the_mount(const struct mount *mount) { note_mount(mount->device, mount->root, mount->source, "mount"); }

static void say_mount(const struct mount *mount) {
  note_the_mount(mount);
  say_notes(mount->path);
}

/** Whether anything was printed. A thread that is gone reveals nothing. */
static bool say_mounts_in(int thread) {
  struct statx file;
  if (!look(thread, "ns/mnt", &file) || was_seen(file.stx_ino)) return false;
  const enum reading reading = each_mount(thread, say_mount);
  const bool unread = reading == LATE || reading == BROKEN_OFF;
  if (unread) fputs(" unread-mounts", stdout);
  const bool said = has_notes() || unread;
  forget_notes();
  // Without allowance the namespace stays unread: the next process in it is asked.
  if ((reading == READ || said) && reading != BROKEN_OFF && seen_count < MOST_NAMESPACES) seen[seen_count++] = file.stx_ino;
  return said;
}

// Each thread can be in another namespace.
void say_mounts(int process) {
  if (!has_mount_criterion()) return;
  DIR *threads = open_list(process, "task");
  if (threads == NULL) return;
  // Enough for a slow namespace of its own, and others before it.
  start_part(2L * MOUNTS_MS);
  bool said = false;
  for (const struct dirent *entry = readdir(threads); entry != NULL && !said; entry = readdir(threads)) {
    if (is_late()) {
      fputs(" unread-mounts", stdout);
      break;
    }
    const int thread = entry->d_name[0] == '.' ? -1 : open_entry(dirfd(threads), entry->d_name);
    if (thread < 0) continue;
    said = say_mounts_in(thread);
    close(thread);
  }
  closedir(threads);
}
