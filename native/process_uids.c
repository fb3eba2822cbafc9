// Reads the UIDs of a process (proc_pid_status(5)).
#include "process_uids.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool read_uids(int process, unsigned uids[UIDS]) {
  char status[4096] = "";
  const int fd = openat(process, "status", O_RDONLY | O_CLOEXEC);
  const ssize_t length = fd < 0 ? 0 : read(fd, status, sizeof status - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return false;
  // The process name comes before, with newlines escaped.
  const char *state = strstr(status, "\nState:\t"), *threads = strstr(status, "\nThreads:\t"), *line = strstr(status, "\nUid:\t");
  if (state == NULL || line == NULL) return false;
  const char letter = state[strlen("\nState:\t")];
  const bool alone = threads == NULL || atoi(threads + strlen("\nThreads:\t")) == 1;
  if ((letter == 'Z' || letter == 'X') && alone) return false;
  return sscanf(line, "\nUid:\t%u\t%u\t%u\t%u", &uids[0], &uids[1], &uids[2], &uids[3]) == UIDS;
}
