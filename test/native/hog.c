/* Takes long to look at, for holders.test.ts: hog THREADS FILES MAPPINGS. Each thread has its own root and its own
 * table of FILES descriptors. The process maps a file MAPPINGS times. Prints "ready", and stays while its input is
 * open. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STACK = 8192 };

static int stay(void *none) {
  (void)none;
  for (;;) pause();
  return 0;
}

static int fail(const char *what) {
  perror(what);
  return 1;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  const int threads = atoi(arguments[1]), files = atoi(arguments[2]), mappings = atoi(arguments[3]);
  struct rlimit most;
  if (getrlimit(RLIMIT_NOFILE, &most) < 0) return fail("getrlimit");
  most.rlim_cur = most.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &most) < 0) return fail("setrlimit");
  const int program = open("/proc/self/exe", O_RDONLY);
  if (program < 0) return fail("open");
  for (int i = 0; i < files; i++)
    if (dup(program) < 0) return fail("dup");
  char *stacks = mmap(NULL, (size_t)threads * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stacks == MAP_FAILED) return fail("mmap");
  for (int i = 0; i < threads; i++)
    if (clone(stay, stacks + (size_t)(i + 1) * STACK, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL) < 0) return fail("clone");
  // The kernel does not merge neighbours that differ.
  for (int i = 0; i < mappings; i++)
    if (mmap(NULL, 4096, i % 2 == 0 ? PROT_READ : PROT_NONE, MAP_PRIVATE, program, 0) == MAP_FAILED) return fail("mmap");
  if (puts("ready") < 0 || fflush(stdout) != 0) return fail("stdout");
  char end;
  return read(STDIN_FILENO, &end, 1) < 0 ? fail("stdin") : 0;
}
