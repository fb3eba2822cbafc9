// A process belongs to a session if one of its UIDs is the session's user; if root's, also if it is in the view or its
// mount namespace has the view's file systems. src/system/processes/kill.ts checks again before killing. Only root's
// processes can enter a view from outside. Others are skipped: one that hangs in execve(2) would block this program.
#include "members.h"

#include <stdlib.h>
#include <unistd.h>

#include "criteria.h"
#include "mounts.h"
#include "notes.h"
#include "process_uids.h"

enum { MOST_NAMESPACES = 1 << 16 };

// For each mount namespace, the range of `matches` with the sets that look for its mounts.
static struct {
  uint64_t inode;
  size_t first, end;
} seen[MOST_NAMESPACES];
static size_t seen_count;
static unsigned *matches;
static size_t match_count, match_space;

static void keep_match(unsigned set) {
  if (match_count == match_space) {
    match_space = match_space == 0 ? 64 : match_space * 2;
    matches = realloc(matches, match_space * sizeof *matches);
    // guestd treats an interrupted look as failed.
    if (matches == NULL) exit(1);
  }
  matches[match_count++] = set;
}

static void remember(uint64_t inode, size_t first) {
  seen[seen_count].inode = inode;
  seen[seen_count].first = first;
  seen[seen_count++].end = match_count;
}

static size_t find_seen(uint64_t inode) {
  size_t at = 0;
  while (at < seen_count && seen[at].inode != inode) at++;
  return at;
}

/** Notes the sets that look for a mount namespace or a mount in it. Skips what takes too long: root does not hide. */
static void note_view(int thread) {
  struct statx file;
  if (!look(thread, "ns/mnt", &file)) return;
  if (find_seen(file.stx_ino) == seen_count && seen_count < MOST_NAMESPACES) {
    const size_t first = match_count;
    // A thread that is gone reveals nothing of its namespace.
    const enum reading reading = each_mount(thread, note_the_mount);
    if (reading == READ) each_note(keep_match);
    if (reading != GONE) remember(file.stx_ino, first);
    forget_notes();
  }
  const size_t at = find_seen(file.stx_ino);
  for (size_t match = at < seen_count ? seen[at].first : 0; at < seen_count && match < seen[at].end; match++)
    note(matches[match], "member");
  note_namespace(file.stx_ino, "member");
}

/** If the first thread has ended, another one shows the namespace. */
static void note_views(int process) {
  struct statx file;
  if (look(process, "ns/mnt", &file)) {
    note_view(process);
    return;
  }
  DIR *threads = open_list(process, "task");
  if (threads == NULL) return;
  for (const struct dirent *entry = readdir(threads); entry != NULL && !has_notes(); entry = readdir(threads)) {
    const int thread = entry->d_name[0] == '.' ? -1 : open_entry(dirfd(threads), entry->d_name);
    if (thread < 0) continue;
    note_view(thread);
    close(thread);
  }
  closedir(threads);
}

bool pass_over_own_view(int proc) {
  struct statx file;
  if (!look(proc, "self/ns/mnt", &file)) return false;
  remember(file.stx_ino, match_count);
  return true;
}

void say_memberships(int process) {
  unsigned uids[UIDS];
  if (!read_uids(process, uids)) return;
  bool is_root = false;
  for (int i = 0; i < UIDS; i++) is_root = is_root || uids[i] == 0;
  // First, because it forgets other notes.
  if (is_root) note_views(process);
  for (int i = 0; i < UIDS; i++) note_user(uids[i], "member");
  say_notes(NULL);
  forget_notes();
}
