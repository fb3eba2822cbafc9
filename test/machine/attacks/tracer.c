/* tracer PID: stops a process by tracing it. A stopped tracee acts only on SIGKILL. */
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
