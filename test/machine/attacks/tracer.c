/* Traces a process, stopped as it is then, and waits: a tracee hears of no signal but SIGKILL.  tracer PID */
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        if (argc != 2 || ptrace(PTRACE_ATTACH, (pid_t)atoi(argv[1]), NULL, NULL) != 0)
                return 1;
        for (;;)
                pause();
}
