// guest-keys: removes all keys of the user who runs it: the user, user session and persistent keyrings, and the rest.
// Started by guestd as a departed user: real, effective and saved UID are theirs, and it holds nothing of value. Prints
// "FOUND REMOVED LEFT" by the kernel's count of their keys (keyrings(7), /proc/key-users), which includes hidden ones.
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

// All permissions of keyctl_setperm(3), for the possessor and the user.
static const unsigned long ALL_PERMISSIONS = 0x3f3f0000;
// The kernel removes keys with a delay: each pass waits, and there are this many.
enum { PASSES = 100, PASS_MS = 20 };
// Keys inspected in one keyring; a look at all keys finds the others.
enum { MOST_INSIDE = 4096 };

static long keyctl(int operation, unsigned long first, unsigned long second, unsigned long third) {
  return syscall(SYS_keyctl, operation, first, second, third, 0UL);
}

/** A user's number of keys; 0 where the kernel knows none, -1 when it cannot be read. */
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

/**
 * Empties a keyring, which removes keys that are only in it, whatever their permissions; then removes the key itself.
 */
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

/** A key of the user's, and if it is a keyring also the keys in it: by number, since no name may lead to them. */
static void take_key_away(unsigned long id) {
  static int32_t inside[MOST_INSIDE];
  keyctl(KEYCTL_SETPERM, id, ALL_PERMISSIONS, 0);
  const long bytes = is_keyring(id) ? keyctl(KEYCTL_READ, id, (unsigned long)inside, sizeof inside) : 0;
  const long count = bytes < (long)sizeof inside ? bytes / (long)sizeof inside[0] : MOST_INSIDE;
  for (long i = 0; i < count; i++)
    // Only its owner may do that: others' keys stay.
    if (keyctl(KEYCTL_SETPERM, (unsigned long)inside[i], ALL_PERMISSIONS, 0) == 0) take_one_away((unsigned long)inside[i]);
  take_one_away(id);
}

/**
 * The two keyrings that the kernel keeps for each user. By number: their special names would create a missing keyring.
 */
static void take_user_keyrings_away(void) {
  const int32_t names[] = {KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING};
  long ids[2];
  for (int i = 0; i < 2; i++) ids[i] = keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)names[i], 0, 0);
  for (int i = 0; i < 2; i++)
    if (ids[i] >= 0) take_key_away((unsigned long)ids[i]);
}

/**
 * persistent-keyring(7): a user who has it in their own keyring may empty it. A kernel without it returns EOPNOTSUPP.
 * False when the user has no quota left for that: removed keys may count for a moment.
 */
static bool take_persistent_keyring_away(void) {
  const unsigned long self = (unsigned long)-1;
  long id = keyctl(KEYCTL_GET_PERSISTENT, self, (unsigned long)KEY_SPEC_PROCESS_KEYRING, 0);
  // The session keyring is guestd's, if it has one (KeyringMode=private): that uses root's quota, for a moment only.
  if (id < 0 && errno == EDQUOT) id = keyctl(KEYCTL_GET_PERSISTENT, self, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0);
  if (id >= 0) take_key_away((unsigned long)id);
  return id >= 0 || errno != EDQUOT;
}

/** The remaining keys visible to the user, usually kept by another user's keyring. */
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
 * Removes the keyrings that the kernel creates on request: only once, as another request would create them again. In a
 * separate process: the keyring that it needs itself ends with it, and is not counted.
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

/** Returns the number of keys left; -1 on anything unexpected. */
static long take_all_away(uid_t uid, long found) {
  long left = found;
  enum result special = AGAIN;
  for (int pass = 0; left > 0 && pass < PASSES; pass++) {
    // Not to the end: the last passes see what is left once it stops.
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
  // Root's keys belong to no departed user.
  if (getresuid(&real, &effective, &saved) < 0 || uid == 0 || effective != uid || saved != uid) return 1;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return 1;
  // Creates nothing. A kernel without keys, or a container that denies them (systemd-nspawn).
  if (keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_THREAD_KEYRING, 0, 0) < 0 && (errno == ENOSYS || errno == EPERM))
    return puts("0 0 0") < 0;

  const long found = count_keys(uid);
  const long left = take_all_away(uid, found);
  if (found < 0 || left < 0) return 1;
  return printf("%ld %ld %ld\n", found, found > left ? found - left : 0, left) < 0 || fflush(stdout) != 0;
}
