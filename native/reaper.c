// guest-reaper: the first process of a session's PID namespace, which ends with it. Only waits, and has no arguments,
// environment, descriptors or capabilities. The kernel reaps orphans.
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void end(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  // A sender outside the namespace has no PID in it. No process inside ends it, not even root's.
  if (info->si_pid == 0) _exit(0);
}

/**
 * SIGTERM ends it, as systemd stops units: shutdown must not wait, even for a reaper still in guestd's own unit. With
 * SIGCHLD ignored, orphans leave no zombies (wait(2)). The kernel already withholds other default actions from a first
 * process.
 */
static bool set_signals(void) {
  const struct sigaction ignore = {.sa_handler = SIG_IGN}, stop = {.sa_sigaction = end, .sa_flags = SA_SIGINFO};
  for (int signal = 1; signal <= SIGRTMAX; signal++)
    if (sigaction(signal, signal == SIGTERM ? &stop : &ignore, NULL) < 0 && errno != EINVAL) return false;
  // Blocked signals, as in the builder's thread, would queue up.
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static bool drop_capabilities(void) {
  // Without CAP_SETPCAP the bounding set stays, which has no effect with no_new_privs and without execution.
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; capability++) continue;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && syscall(SYS_capset, &header, none) == 0;
}

static bool let_go_of_everything(void) {
  umask(077);
  // It must not share the builder's session and process group.
  const bool apart = setsid() > 0 || errno == EPERM;
  return apart && chdir("/") == 0 && syscall(SYS_close_range, 0U, ~0U, 0U) == 0;
}

int main(void) {
  // Elsewhere nothing would end it.
  if (getpid() != 1) return 2;
  const bool safe = prctl(PR_SET_NAME, "guest-reaper", 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && set_signals() && drop_capabilities() &&
                    let_go_of_everything();
  // The namespace ends with it, and the login fails.
  if (!safe) return 1;
  for (;;) pause();
}
