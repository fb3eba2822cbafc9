/* Has a user's process create something, pass its descriptor here, and end: give UID WHAT. Prints "ready" and stays
 * until it reads a line. WHAT: socket, bus (a connection to it), fifo, link, user, mnt, ipc; or "thread FILE": a
 * file open in a later thread whose first thread has ended. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int make_socket(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return bind(fd, (const struct sockaddr *)&address, sizeof(sa_family_t)) == 0 && listen(fd, 1) == 0 ? fd : -1;
}

static int connect_bus(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/system_bus_socket"};
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static int make_file(int is_link) {
  char path[] = "/tmp/give.XXXXXX";
  if (mkdtemp(path) == NULL || chdir(path) != 0) return -1;
  const int fd = (is_link ? symlink("x", "it") : mkfifo("it", 0600)) == 0 ? open("it", O_PATH | O_NOFOLLOW) : -1;
  return unlink("it") == 0 && rmdir(path) == 0 ? fd : -1;
}

static int make_namespace(int flags, const char *path) { return unshare(CLONE_NEWUSER | flags) == 0 ? open(path, O_RDONLY) : -1; }

static int make(const char *what) {
  if (strcmp(what, "socket") == 0) return make_socket();
  if (strcmp(what, "bus") == 0) return connect_bus();
  if (strcmp(what, "fifo") == 0) return make_file(0);
  if (strcmp(what, "link") == 0) return make_file(1);
  if (strcmp(what, "user") == 0) return make_namespace(0, "/proc/self/ns/user");
  if (strcmp(what, "mnt") == 0) return make_namespace(CLONE_NEWNS, "/proc/self/ns/mnt");
  return strcmp(what, "ipc") == 0 ? make_namespace(CLONE_NEWIPC, "/proc/self/ns/ipc") : -1;
}

static void carry(int fd, int *given, ssize_t (*move)(int, struct msghdr *)) {
  char byte = 'x';
  struct iovec part = {&byte, 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  memcpy(CMSG_DATA(&control.header), given, sizeof *given);
  if (move(fd, &message) != 1) exit(1);
  memcpy(given, CMSG_DATA(&control.header), sizeof *given);
}

static ssize_t give(int fd, struct msghdr *message) { return sendmsg(fd, message, 0); }
static ssize_t take(int fd, struct msghdr *message) { return recvmsg(fd, message, 0); }

static void stay(void) {
  puts("ready");
  fflush(stdout);
  while (getchar() == EOF) pause();
  exit(0);
}

static void *open_apart(void *path) {
  if (unshare(CLONE_FILES) != 0 || open(path, O_RDONLY) < 0) exit(1);
  stay();
  return NULL;
}

int main(int count, char **arguments) {
  if (count == 4) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, open_apart, arguments[3]) != 0) return 1;
    syscall(SYS_exit, 0);
  }
  int ends[2], given = -1, status;
  if (count != 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
  const pid_t child = fork();
  if (child == 0) {
    if (setgid((gid_t)atoi(arguments[1])) != 0 || setuid((uid_t)atoi(arguments[1])) != 0 || (given = make(arguments[2])) < 0) _exit(1);
    carry(ends[0], &given, give);
    _exit(0);
  }
  if (waitpid(child, &status, 0) != child || status != 0) return 1;
  carry(ends[1], &given, take);
  stay();
}
