// guest-keys: removes all keys of the user who runs it. guestd starts it as a departed user, with nothing of value.
// Prints "FOUND REMOVED LEFT" by the kernel's count (/proc/key-users), which includes hidden keys.
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

// For possessor and user (keyctl_setperm(3)).
static const unsigned long ALL_PERMISSIONS = 0x3f3f0000;
// The kernel removes keys with a delay, so each pass waits.
enum { PASSES = 100, PASS_MS = 20 };
// In one keyring. A look at all keys finds the others.
enum { MOST_INSIDE = 4096 };

static long keyctl(int operation, unsigned long first, unsigned long second, unsigned long third) {
  return syscall(SYS_keyctl, operation, first, second, third, 0UL);
}

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

/** Emptying a keyring removes keys that are only in it, whatever their permissions. */
static void take_one_away(unsigned long id) {
  // Failures are ignored: remaining keys are counted.
  keyctl(KEYCTL_CLEAR, id, 0, 0);
  if (keyctl(KEYCTL_INVALIDATE, id, 0, 0) < 0) keyctl(KEYCTL_REVOKE, id, 0, 0);
}

static bool is_keyring(unsigned long id) {
  char description[512];
  const long length = keyctl(KEYCTL_DESCRIBE, id, (unsigned long)description, sizeof description);
  return length > 8 && strncmp(description, "keyring;", 8) == 0;
}

/** Also takes the keys in a keyring: by number, as no name may lead to them. */
static void take_key_away(unsigned long id) {
  static int32_t inside[MOST_INSIDE];
  keyctl(KEYCTL_SETPERM, id, ALL_PERMISSIONS, 0);
  const long bytes = is_keyring(id) ? keyctl(KEYCTL_READ, id, (unsigned long)inside, sizeof inside) : 0;
  const long count = bytes < (long)sizeof inside ? bytes / (long)sizeof inside[0] : MOST_INSIDE;
  for (long i = 0; i < count; i++)
    // Fails for keys of others, which stay.
    if (keyctl(KEYCTL_SETPERM, (unsigned long)inside[i], ALL_PERMISSIONS, 0) == 0) take_one_away((unsigned long)inside[i]);
  take_one_away(id);
}

/** By number: the special names would create missing keyrings. */
static void take_user_keyrings_away(void) {
  const int32_t names[] = {KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING};
  long ids[2];
  for (int i = 0; i < 2; i++) ids[i] = keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)names[i], 0, 0);
  for (int i = 0; i < 2; i++)
    if (ids[i] >= 0) take_key_away((unsigned long)ids[i]);
}

/**
 * Users may link it into an own keyring and empty it there (persistent-keyring(7)). A kernel without it returns
 * EOPNOTSUPP. False without quota, as removed keys count for a moment.
 */
static bool take_persistent_keyring_away(void) {
  const unsigned long self = (unsigned long)-1;
  long id = keyctl(KEYCTL_GET_PERSISTENT, self, (unsigned long)KEY_SPEC_PROCESS_KEYRING, 0);
  // The session keyring may be guestd's (KeyringMode=private): it briefly uses root's quota.
  if (id < 0 && errno == EDQUOT) id = keyctl(KEYCTL_GET_PERSISTENT, self, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0);
  if (id >= 0) take_key_away((unsigned long)id);
  return id >= 0 || errno != EDQUOT;
}

/** Other keys visible to the user, usually kept by another user's keyring. */
static void take_visible_keys_away(uid_t uid) {
  FILE *keys = fopen("/proc/keys", "re");
  if (keys == NULL) return;
  char line[512];
  bool continued = false;
  while (fgets(line, sizeof line, keys) != NULL) {
    // "ID FLAGS USAGE TIMEOUT PERMISSIONS UID GID TYPE DESCRIPTION". The description may be longer than the line.
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
 * Only once: the kernel creates these keyrings on request. A child does it, whose own keyring ends with it and is not
 * counted.
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

static long take_all_away(uid_t uid, long found) {
  long left = found;
  enum result special = AGAIN;
  for (int pass = 0; left > 0 && pass < PASSES; pass++) {
    // Stops early, so the last passes see the result.
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
  // Creates nothing. The kernel may lack keys, or a container may deny them (systemd-nspawn).
  if (keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_THREAD_KEYRING, 0, 0) < 0 && (errno == ENOSYS || errno == EPERM))
    return puts("0 0 0") < 0;

  const long found = count_keys(uid);
  const long left = take_all_away(uid, found);
  if (found < 0 || left < 0) return 1;
  return printf("%ld %ld %ld\n", found, found > left ? found - left : 0, left) < 0 || fflush(stdout) != 0;
}
