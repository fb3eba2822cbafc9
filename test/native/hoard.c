/* Leaves the caller's keys behind for keys.test.ts: hoard KIND [COMMAND...]. Prints their number, then becomes
 * COMMAND. Each kind is a way to keep keys from being found or removed. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_PERMISSIONS = 0 };

static long keyctl(int operation, long first, long second, long third) {
  return syscall(SYS_keyctl, (long)operation, first, second, third, 0L);
}

static long add(const char *type, int number, const char *payload, long keyring) {
  char name[32];
  snprintf(name, sizeof name, "%d", number);
  return syscall(SYS_add_key, type, name, payload[0] == '\0' ? NULL : payload, strlen(payload), keyring);
}

static long hide(long id) { return keyctl(KEYCTL_SETPERM, id, NO_PERMISSIONS, 0); }

/** Uses the quota up to its last bytes. */
static int fill(long keyring) {
  static char payload[4096];
  int made = 0;
  for (size_t size = sizeof payload - 1; size > 0; size /= 2) {
    memset(payload, 'x', size);
    payload[size] = '\0';
    for (long id; (id = add("user", made, payload, keyring)) >= 0; made++) hide(id);
  }
  return made;
}

/** Keyrings nested as deep as the kernel allows, locked from the inside out. */
static int nest(long keyring) {
  long made[32] = {keyring};
  int count = 0;
  while (count + 1 < 32 && (made[count + 1] = add("keyring", count, "", made[count])) >= 0) {
    count++;
    add("user", count, "x", made[count]);
  }
  for (int i = count; i > 0; i--) hide(made[i]);
  return 2 * count;
}

static long persistent(void) { return keyctl(KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING, 0); }

/** keyctl(2) now fails with EPERM, as in a container with a filter. */
static int forbid(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof code / sizeof code[0], code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return -1;
  return 0;
}

static int hoard(const char *kind) {
  const int user = KEY_SPEC_USER_KEYRING;
  if (strcmp(kind, "nothing") == 0) return 0;
  if (strcmp(kind, "join") == 0) return keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) < 0 ? -1 : 0;
  if (strcmp(kind, "user") == 0) return add("user", 1, "x", user) < 0 ? -1 : 1;
  if (strcmp(kind, "user-session") == 0) return add("user", 1, "x", KEY_SPEC_USER_SESSION_KEYRING) < 0 ? -1 : 1;
  if (strcmp(kind, "persistent") == 0) return add("user", 1, "x", persistent()) < 0 ? -1 : 1;
  if (strcmp(kind, "nested") == 0) return nest(user);
  if (strcmp(kind, "full") == 0) return fill(user);
  if (strcmp(kind, "full-beside") == 0) return hide(add("user", 1, "x", persistent())) < 0 ? -1 : 1 + fill(user);
  if (strcmp(kind, "full-persistent") == 0) return fill(persistent());
  if (strcmp(kind, "session") == 0) return keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) < 0 ? -1 : 1 + nest(KEY_SPEC_SESSION_KEYRING);
  if (strcmp(kind, "unsearchable") == 0) return add("user", 1, "x", user) < 0 || keyctl(KEYCTL_SETPERM, user, 0x00200000, 0) < 0 ? -1 : 1;
  if (strcmp(kind, "sealed") == 0) return add("user", 1, "x", user) < 0 || hide(user) < 0 ? -1 : 1;
  if (strcmp(kind, "forbidden") == 0) return add("user", 1, "x", user) < 0 ? -1 : forbid();
  return -1;
}

int main(int argc, char **argv) {
  const int made = argc < 2 ? -1 : hoard(argv[1]);
  if (made < 0) {
    perror("hoard");
    return 1;
  }
  printf("%d\n", made);
  fflush(stdout);
  if (argc == 2) return 0;
  execv(argv[2], argv + 2);
  return 1;
}
