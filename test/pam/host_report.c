/* The report of host.c. Catches the module's log lines: the executable's syslog() comes before libc's. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_misc.h>

#include "host_report.h"

#define TEXTS_MAX 64

struct texts {
        char *text[TEXTS_MAX];
        size_t count;
};

struct state {
        unsigned long long namespace, ipc;
        unsigned long long children; /* the PID namespace that children are born in */
        int descriptors; /* -1 if there is none left to count with */
        char *inherited; /* those above 2 that an executed program would inherit, each followed by a space */
        char *directory;
        bool directory_is_here; /* "." is what its path means now: not a directory of another mount namespace */
        unsigned umask;
        char signals[4096];
};

static struct texts logged, told;
static unsigned pause_asked; /* in microseconds */

static void texts_add(struct texts *texts, char *text)
{
        if (texts->count < TEXTS_MAX)
                texts->text[texts->count++] = text;
        else
                free(text);
}

static void texts_reset(struct texts *texts)
{
        while (texts->count > 0)
                free(texts->text[--texts->count]);
}

/* libpam calls these, with _FORTIFY_SOURCE and without. */
static void line_catch(int priority, const char *format, va_list arguments)
{
        char *line, *text;

        if (vasprintf(&text, format, arguments) < 0)
                abort();
        if (asprintf(&line, "%d %s", priority & LOG_PRIMASK, text) < 0)
                abort();
        free(text);
        texts_add(&logged, line);
}

void syslog(int priority, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        line_catch(priority, format, arguments);
        va_end(arguments);
}

void __syslog_chk(int priority, int flag, const char *format, ...);
void __syslog_chk(int priority, int flag, const char *format, ...)
{
        va_list arguments;

        (void) flag;
        va_start(arguments, format);
        line_catch(priority, format, arguments);
        va_end(arguments);
}

/* Replaces libpam's: does not wait. */
int pam_fail_delay(pam_handle_t *pam, unsigned microseconds)
{
        (void) pam;
        pause_asked = microseconds;
        return PAM_SUCCESS;
}

int conversation_keep(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
        const char *answer = getenv("ANSWER");

        (void) data;
        *responses = calloc((size_t) count, sizeof(**responses));
        for (int i = 0; i < count; i++) {
                char *text;

                if (asprintf(&text, "%d %s", messages[i]->msg_style, messages[i]->msg) < 0)
                        abort();
                texts_add(&told, text);
                if (messages[i]->msg_style != PAM_PROMPT_ECHO_ON && messages[i]->msg_style != PAM_PROMPT_ECHO_OFF)
                        continue;
                if (!answer || strcmp(answer, "later") == 0) {
                        free(*responses);
                        *responses = NULL;
                        return answer ? PAM_CONV_AGAIN : PAM_CONV_ERR;
                }
                (*responses)[i].resp = strdup(answer);
        }
        return PAM_SUCCESS;
}

static void descriptors_read(struct state *ret)
{
        DIR *directory = opendir("/proc/thread-self/fd");
        size_t size;
        FILE *inherited;

        ret->descriptors = -1; /* opendir()'s own */
        if (!directory)
                return;
        inherited = open_memstream(&ret->inherited, &size);
        for (struct dirent *entry; (entry = readdir(directory));) {
                int fd = atoi(entry->d_name);

                ret->descriptors += entry->d_name[0] != '.';
                if (fd > 2 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
                        fprintf(inherited, "%d ", fd);
        }
        fclose(inherited);
        closedir(directory);
}

static void signals_read(char *to, size_t size)
{
        FILE *status = fopen("/proc/thread-self/status", "re");
        char line[512];

        to[0] = '\0';
        while (status && fgets(line, sizeof(line), status))
                if (strncmp(line, "Sig", 3) == 0 && strncmp(line, "SigQ", 4) != 0 && strncmp(line, "SigPnd", 6) != 0)
                        strncat(to, line, size - strlen(to) - 1);
        if (status)
                fclose(status);
}

static unsigned long long inode_read(const char *path)
{
        struct stat file;

        return stat(path, &file) == 0 ? file.st_ino : 0;
}

static struct state state_read(void)
{
        struct state state = {};
        struct stat here, path;

        state.namespace = inode_read("/proc/thread-self/ns/mnt");
        state.ipc = inode_read("/proc/thread-self/ns/ipc");
        state.children = inode_read("/proc/thread-self/ns/pid_for_children");
        descriptors_read(&state);
        state.directory = getcwd(NULL, 0);
        state.directory_is_here = state.directory && stat(".", &here) == 0 && stat(state.directory, &path) == 0 &&
                                  here.st_dev == path.st_dev && here.st_ino == path.st_ino;
        state.umask = umask(0);
        umask(state.umask);
        signals_read(state.signals, sizeof(state.signals));
        return state;
}

static void string_print(FILE *report, const char *text)
{
        fputc('"', report);
        for (; text && *text; text++)
                if ((unsigned char) *text < 0x20 || *text == '"' || *text == '\\' || *text == 0x7f)
                        fprintf(report, "\\u%04x", (unsigned) *text);
                else
                        fputc(*text, report);
        fputc('"', report);
}

static void list_print(FILE *report, const char *name, char *const *list, size_t count)
{
        fprintf(report, ",\"%s\":[", name);
        for (size_t i = 0; i < count && list[i]; i++) {
                fputs(i > 0 ? "," : "", report);
                string_print(report, list[i]);
        }
        fputc(']', report);
}

static void state_print(FILE *report, const char *name, const struct state *state)
{
        fprintf(report, ",\"%s\":{\"namespace\":%llu,\"ipc\":%llu,\"children\":%llu", name, state->namespace, state->ipc,
                state->children);
        fprintf(report, ",\"descriptors\":%d,\"umask\":%u,\"directoryIsHere\":%s", state->descriptors, state->umask,
                state->directory_is_here ? "true" : "false");
        fputs(",\"directory\":", report);
        string_print(report, state->directory);
        fputs(",\"inherited\":", report);
        string_print(report, state->inherited);
        fputs(",\"signals\":", report);
        string_print(report, state->signals);
        fputc('}', report);
}

void hook_report(FILE *report, const char *name, int (*hook)(pam_handle_t *, int), pam_handle_t *pam, int flags)
{
        struct state before, after;
        struct timespec start, end;
        const void *user = NULL;
        char **environment;
        int result;

        texts_reset(&logged);
        texts_reset(&told);
        pause_asked = 0;
        before = state_read();
        clock_gettime(CLOCK_MONOTONIC, &start);
        result = hook(pam, flags);
        clock_gettime(CLOCK_MONOTONIC, &end);
        after = state_read();

        environment = pam_getenvlist(pam);
        if (pam_get_item(pam, PAM_USER, &user) != PAM_SUCCESS)
                abort();
        if (report) {
                fprintf(report, "{\"hook\":\"%s\",\"pid\":%d,\"result\":%d,\"pause\":%u,\"milliseconds\":%ld", name, getpid(),
                        result, pause_asked,
                        (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000);
                fputs(",\"user\":", report);
                string_print(report, user);
                list_print(report, "told", told.text, told.count);
                list_print(report, "logged", logged.text, logged.count);
                list_print(report, "environment", environment, SIZE_MAX);
                state_print(report, "before", &before);
                state_print(report, "after", &after);
                fputs("}\n", report);
                fflush(report);
        }
        pam_misc_drop_env(environment);
        free(before.directory);
        free(before.inherited);
        free(after.directory);
        free(after.inherited);
        texts_reset(&logged);
        texts_reset(&told);
}
