// Preloaded into guestd: fsconfig(2) rejects "noswap" for a tmpfs, as before Linux 6.4.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsconfig(int fd, unsigned command, const char* key, const void* value, int extra) {
  if (key != NULL && strcmp(key, "noswap") == 0) {
    errno = EINVAL;
    return -1;
  }
  return (int)syscall(SYS_fsconfig, fd, command, key, value, extra);
}
