// guest-keys: takes away all keys of the user who runs it: his user and user session keyring, his persistent one, the rest.
// Started by guestd as a user who has gone: real, effective and saved uid are his, and there is nothing to be had from it.
// Says "FOUND REMOVED LEFT" as the kernel counts his keys (keyrings(7), /proc/key-users): those he has hidden count as well.
#include <errno.h>
#include <linux/keyctl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// All that keyctl_setperm(3) can give: to the possessor and to the user.
static const unsigned long ALL_PERMISSIONS = 0x3f3f0000;
// The kernel takes keys away in its own time: each pass waits for it, and there are this many.
enum { PASSES = 100, PASS_MS = 20 };
// Of the keys in one keyring; the others are found by a look at all keys.
enum { MOST_INSIDE = 4096 };

static long keyctl(int operation, unsigned long first, unsigned long second, unsigned long third) {
  return syscall(SYS_keyctl, operation, first, second, third, 0UL);
}

/** The number of keys of a user; 0 where the kernel knows none, -1 when it cannot be read. */
static long count_keys(uid_t uid) {
  FILE *users = fopen("/proc/key-users", "re");
  if (users == NULL) return -1;
  char line[256];
  long found = 0;
  while (found == 0 && fgets(line, sizeof line, users) != NULL) {
    // "UID: USAGE KEYS/INSTANTIATED ..."
    unsigned long user;
    long keys;
    if (sscanf(line, "%lu: %*d %ld/", &user, &keys) == 2 && user == uid) found = keys;
  }
  fclose(users);
  return found;
}

/** Empties a keyring, so that what is in it and nowhere else is gone, whatever its own permissions are; then the key itself. */
static void take_one_away(unsigned long id) {
  // Each may be refused: what stays is counted.
  keyctl(KEYCTL_CLEAR, id, 0, 0);
  if (keyctl(KEYCTL_INVALIDATE, id, 0, 0) < 0) keyctl(KEYCTL_REVOKE, id, 0, 0);
}

static bool is_keyring(unsigned long id) {
  char description[512];
  const long length = keyctl(KEYCTL_DESCRIBE, id, (unsigned long)description, sizeof description);
  return length > 8 && strncmp(description, "keyring;", 8) == 0;
}

/** A key of the user's. Those in it as well, if it is a keyring: by number, as one may be there that no name leads to. */
static void take_key_away(unsigned long id) {
  static int32_t inside[MOST_INSIDE];
  keyctl(KEYCTL_SETPERM, id, ALL_PERMISSIONS, 0);
  const long bytes = is_keyring(id) ? keyctl(KEYCTL_READ, id, (unsigned long)inside, sizeof inside) : 0;
  const long count = bytes < (long)sizeof inside ? bytes / (long)sizeof inside[0] : MOST_INSIDE;
  for (long i = 0; i < count; i++)
    // Only its owner may do that: another's key stays.
    if (keyctl(KEYCTL_SETPERM, (unsigned long)inside[i], ALL_PERMISSIONS, 0) == 0) take_one_away((unsigned long)inside[i]);
  take_one_away(id);
}

/** The two that the kernel keeps for each user. By their numbers: the names that stand for them make a keyring that is missing. */
static void take_user_keyrings_away(void) {
  const int32_t names[] = {KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING};
  long ids[2];
  for (int i = 0; i < 2; i++) ids[i] = keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)names[i], 0, 0);
  for (int i = 0; i < 2; i++)
    if (ids[i] >= 0) take_key_away((unsigned long)ids[i]);
}

/**
 * persistent-keyring(7): whoever has it in a keyring of his own may empty it. A kernel without it says EOPNOTSUPP.
 * False when the user has no quota left for that: keys that are gone by now may count for a moment still.
 */
static bool take_persistent_keyring_away(void) {
  const unsigned long self = (unsigned long)-1;
  long id = keyctl(KEYCTL_GET_PERSISTENT, self, (unsigned long)KEY_SPEC_PROCESS_KEYRING, 0);
  // The session keyring is guestd's, if it has one (KeyringMode=private): that is root's quota. It is there for a moment only.
  if (id < 0 && errno == EDQUOT) id = keyctl(KEYCTL_GET_PERSISTENT, self, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0);
  if (id >= 0) take_key_away((unsigned long)id);
  return id >= 0 || errno != EDQUOT;
}

/** What is left that the user may see: kept by a keyring of somebody else's, as a rule. */
static void take_visible_keys_away(uid_t uid) {
  FILE *keys = fopen("/proc/keys", "re");
  if (keys == NULL) return;
  char line[512];
  bool continued = false;
  while (fgets(line, sizeof line, keys) != NULL) {
    // "ID FLAGS USAGE TIMEOUT PERMISSIONS UID GID TYPE DESCRIPTION": a description may be longer than the line.
    unsigned long id, owner;
    const bool parsed = !continued && sscanf(line, "%lx %*s %*s %*s %*s %lu ", &id, &owner) == 2;
    continued = true;
    for (const char *at = line; *at != '\0'; at++) continued = continued && *at != '\n';
    if (parsed && owner == uid) take_key_away(id);
  }
  fclose(keys);
}

enum result { DONE, AGAIN, FAILED };

/**
 * Takes the keyrings away that the kernel makes when they are asked for: once, or they would be made again.
 * In a process of its own: the keyring that it needs for itself ends with it, and is not counted.
 */
static enum result take_special_keyrings_away(void) {
  const pid_t child = fork();
  if (child < 0) return FAILED;
  if (child == 0) {
    take_user_keyrings_away();
    _exit(take_persistent_keyring_away() ? DONE : AGAIN);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return FAILED;
  return WIFEXITED(status) ? (enum result)WEXITSTATUS(status) : FAILED;
}

/** Gives the number of keys that are left; -1 on anything unexpected. */
static long take_all_away(uid_t uid, long found) {
  long left = found;
  enum result special = AGAIN;
  for (int pass = 0; left > 0 && pass < PASSES; pass++) {
    // Not to the end: the last passes see what is left when it does no more.
    if (special == AGAIN && pass < PASSES / 2) special = take_special_keyrings_away();
    if (special == FAILED) return -1;
    take_visible_keys_away(uid);
    const struct timespec pause = {.tv_nsec = PASS_MS * 1000000L};
    nanosleep(&pause, NULL);
    left = count_keys(uid);
  }
  return left;
}

int main(void) {
  const uid_t uid = getuid();
  uid_t effective, saved, real;
  // Root's keys are nobody's that has gone.
  if (getresuid(&real, &effective, &saved) < 0 || uid == 0 || effective != uid || saved != uid) return 1;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return 1;
  // Makes nothing. A kernel without keys, or a container that may not have any (systemd-nspawn).
  if (keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_THREAD_KEYRING, 0, 0) < 0 && (errno == ENOSYS || errno == EPERM))
    return puts("0 0 0") < 0;

  const long found = count_keys(uid);
  const long left = take_all_away(uid, found);
  if (found < 0 || left < 0) return 1;
  return printf("%ld %ld %ld\n", found, found > left ? found - left : 0, left) < 0 || fflush(stdout) != 0;
}
