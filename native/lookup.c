// guest-lookup: answers guestd's questions about users, from NSS and the process table.
// NSS modules may hang or crash: guestd then restarts this program. One program for each question would take longer
// than the rest of a login.
// Answers each line with a line, "-" if nothing is found:
//   passwd NAME      the entry, as in passwd(5)
//   uid UID          the same
//   group NAME       the entry, as in group(5)
//   groups GID NAME  "GID GID ...": groups of an account with this primary group (getgrouplist(3))
//   runs UID         the PID of a process with this real, effective, saved or file system UID
// Ends with its input, or after any other line.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process_uids.h"

static void say_nothing_found(void) { puts("-"); }

/** A directory service's entry may contain newlines. */
static void say_text(const char *text) {
  for (const char *at = text == NULL ? "" : text; *at != '\0'; at++) putchar(*at == '\n' ? ' ' : *at);
}

static void say_account(const struct passwd *account) {
  if (account == NULL) {
    say_nothing_found();
    return;
  }
  say_text(account->pw_name);
  printf(":x:%u:%u:", account->pw_uid, account->pw_gid);
  say_text(account->pw_gecos);
  putchar(':');
  say_text(account->pw_dir);
  putchar(':');
  say_text(account->pw_shell);
  putchar('\n');
}

static void say_group(const struct group *group) {
  if (group == NULL) {
    say_nothing_found();
    return;
  }
  say_text(group->gr_name);
  printf(":x:%u:", group->gr_gid);
  for (char **member = group->gr_mem; member != NULL && *member != NULL; member++) {
    if (member != group->gr_mem) putchar(',');
    say_text(*member);
  }
  putchar('\n');
}

static bool say_groups(unsigned gid, const char *user) {
  gid_t *list = NULL;
  int count = 64;
  for (int size = 0; size < count;) {
    size = count;
    gid_t *more = realloc(list, (size_t)size * sizeof *list);
    if (more == NULL) break;
    list = more;
    if (getgrouplist(user, gid, list, &count) < 0) continue;
    for (int i = 0; i < count; i++) printf("%s%u", i == 0 ? "" : " ", list[i]);
    putchar('\n');
    free(list);
    return true;
  }
  free(list);
  return false;
}

static bool runs_as(int proc, const char *name, unsigned uid) {
  const int process = openat(proc, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (process < 0) return false;
  unsigned uids[UIDS];
  bool found = false;
  if (read_uids(process, uids))
    for (int i = 0; i < UIDS; i++) found = found || uids[i] == uid;
  close(process);
  return found;
}

static bool say_process(unsigned uid) {
  DIR *proc = opendir("/proc");
  if (proc == NULL) return false;
  const struct dirent *entry;
  for (errno = 0; (entry = readdir(proc)) != NULL; errno = 0)
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && runs_as(dirfd(proc), entry->d_name, uid)) break;
  const bool whole = entry != NULL || errno == 0;
  puts(entry == NULL ? "-" : entry->d_name);
  closedir(proc);
  return whole;
}

static bool read_number(const char **text, char end, unsigned *number) {
  char *rest;
  errno = 0;
  const unsigned long long value = strtoull(*text, &rest, 10);
  if (errno != 0 || **text < '0' || **text > '9' || *rest != end || value > 0xffffffffU) return false;
  *number = (unsigned)value;
  *text = rest + (end != '\0');
  return true;
}

static bool answer(const char *question, const char *rest) {
  unsigned number;
  if (strcmp(question, "passwd") == 0) say_account(getpwnam(rest));
  else if (strcmp(question, "group") == 0) say_group(getgrnam(rest));
  else if (strcmp(question, "groups") == 0) return read_number(&rest, ' ', &number) && say_groups(number, rest);
  else if (!read_number(&rest, '\0', &number)) return false;
  else if (strcmp(question, "uid") == 0) say_account(getpwuid(number));
  else return strcmp(question, "runs") == 0 && say_process(number);
  return true;
}

int main(void) {
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  while ((length = getline(&line, &size, stdin)) > 0) {
    line[length - 1] = line[length - 1] == '\n' ? '\0' : line[length - 1];
    char *rest = line;
    const char *question = strsep(&rest, " ");
    if (rest == NULL || !answer(question, rest) || fflush(stdout) != 0) return 2;
  }
  free(line);
  return 0;
}
