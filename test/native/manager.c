/* Plays the service manager for notify.test.ts: manager ADDRESS. For each input line, receives a datagram and prints
 * its text with blanks for line breaks, then each descriptor's contents in brackets. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_FDS = 253 };

static int listen_at(const char *address) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  const size_t length = strnlen(address, sizeof name.sun_path - 1);
  memcpy(name.sun_path, address, length);
  if (name.sun_path[0] == '@') name.sun_path[0] = '\0';
  const int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const socklen_t used = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  return bind(manager, (struct sockaddr *)&name, used) < 0 ? -1 : manager;
}

static void print_file(int fd) {
  char text[64];
  const ssize_t length = pread(fd, text, sizeof text, 0);
  printf(" [%.*s]", (int)(length < 0 ? 0 : length), text);
  close(fd);
}

static int receive(int manager) {
  char text[4096];
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_FDS * sizeof(int))];
  struct iovec buffer = {text, sizeof text};
  struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  const ssize_t length = recvmsg(manager, &message, MSG_CMSG_CLOEXEC);
  if (length < 0 || (message.msg_flags & MSG_CTRUNC) != 0) return 1;
  for (ssize_t i = 0; i < length; i++) putchar(text[i] == '\n' ? ' ' : text[i]);
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
    int fds[MOST_FDS];
    const size_t bytes = header->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(header), bytes);
    for (size_t i = 0; i < bytes / sizeof(int); i++) print_file(fds[i]);
  }
  putchar('\n');
  return fflush(stdout);
}

int main(int argc, char **argv) {
  const int manager = argc == 2 ? listen_at(argv[1]) : -1;
  if (manager < 0) return 1;
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL)
    if (receive(manager) != 0) return 1;
  return 0;
}
