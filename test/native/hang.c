/* For holders.test.ts: hang DIRECTORY, in its own mount namespace. Mounts a FUSE there that never answers FLUSH. A
 * child opens a file on it and hangs in execve(2), which closes the file. Prints the child's PID. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what) {
  perror(what);
  return 1;
}

static int hang(int fuse, const char *path) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close(fuse);
  if (open(path, O_RDONLY | O_CLOEXEC) < 0) return fail("open");
  printf("%d\n", getpid());
  fflush(stdout);
  execl("/bin/sleep", "sleep", "1000", NULL);
  return fail("exec");
}

static size_t answer(const struct fuse_in_header *in, void *body, struct fuse_out_header *head) {
  const struct fuse_attr attributes = {
      .ino = in->nodeid, .mode = in->nodeid == 1 ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1, .blksize = 4096};
  struct fuse_attr file = attributes;
  file.ino = 2;
  file.mode = S_IFREG | 0644;
  switch (in->opcode) {
    case FUSE_INIT:
      *(struct fuse_init_out *)body = (struct fuse_init_out){.major = 7, .minor = 31, .max_write = 4096};
      return sizeof(struct fuse_init_out);
    case FUSE_LOOKUP:
      *(struct fuse_entry_out *)body = (struct fuse_entry_out){.nodeid = 2, .entry_valid = 1000, .attr_valid = 1000, .attr = file};
      return sizeof(struct fuse_entry_out);
    case FUSE_GETATTR:
      *(struct fuse_attr_out *)body = (struct fuse_attr_out){.attr_valid = 1000, .attr = attributes};
      return sizeof(struct fuse_attr_out);
    case FUSE_OPEN:
      *(struct fuse_open_out *)body = (struct fuse_open_out){.fh = 1};
      return sizeof(struct fuse_open_out);
    default:
      head->error = -ENOSYS;
      return 0;
  }
}

static int serve(int fuse) {
  static _Alignas(8) char request[1 << 18];
  for (;;) {
    if (read(fuse, request, sizeof request) < 0) return fail("read");
    const struct fuse_in_header *in = (const void *)request;
    if (in->opcode == FUSE_FLUSH || in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET) continue;
    struct {
      struct fuse_out_header head;
      _Alignas(8) char body[256];
    } reply = {.head = {.unique = in->unique}};
    reply.head.len = (unsigned)(sizeof reply.head + answer(in, reply.body, &reply.head));
    if (write(fuse, &reply, reply.head.len) < 0) return fail("write");
  }
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  const int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) return fail("/dev/fuse");
  char options[128], path[4096];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  if (mount("hang", arguments[1], "fuse", MS_NODEV | MS_NOSUID, options) < 0) return fail("mount");
  snprintf(path, sizeof path, "%s/file", arguments[1]);
  const pid_t child = fork();
  if (child < 0) return fail("fork");
  return child == 0 ? hang(fuse, path) : serve(fuse);
}
