// Limits each part of the look at a process, and all processes of a user. Set-user-ID programs count for their real
// user. Root has no limit: it does not hide.
#include "allowance.h"

#include <stddef.h>
#include <time.h>

#include "criteria.h"
#include "process_uids.h"

enum { USER_MS = 3000, MOST_USERS = 4096 };

struct user {
  unsigned uid;
  long used;
};

static struct user users[MOST_USERS];
static size_t user_count;
static struct user *user;
static long begun, allowed;
static bool late;

static long microseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

long cost_so_far(void) { return microseconds(CLOCK_PROCESS_CPUTIME_ID) + microseconds(CLOCK_MONOTONIC) / 10; }

/** Users beyond the table share its last allowance. */
static struct user *find_user(unsigned uid) {
  size_t at = 0;
  while (at < user_count && users[at].uid != uid) at++;
  if (at == MOST_USERS) return &users[MOST_USERS - 1];
  if (at == user_count) users[user_count++].uid = uid;
  return &users[at];
}

static void charge(void) {
  const long now = cost_so_far();
  if (user != NULL) user->used += now - begun;
  begun = now;
}

void start_process(int process) {
  charge();
  unsigned uids[UIDS];
  user = read_uids(process, uids) && uids[0] != 0 ? find_user(uids[0]) : NULL;
}

void start_part(long ms) {
  charge();
  allowed = ms * 1000;
  late = false;
}

bool is_late(void) {
  if (allowed == 0 || late) return late;
  const long cost = cost_so_far() - begun;
  late = cost > allowed || (user != NULL && user->used + cost > USER_MS * 1000L);
  return late;
}
