/*
 * pam_guest_bus: the calls to guestd (systemd/org.guestd1.xml). Retries while root has as many connections as the bus
 * allows (dbus-daemon(1), max_connections_per_user).
 *
 * It must never exceed its time limit, nor let the environment choose the bus. So it sets the method call timeout
 * (default: SYSTEMD_BUS_TIMEOUT for the greeting), and avoids two functions:
 *   sd_bus_open_system()  reads DBUS_SYSTEM_BUS_ADDRESS
 *   sd_bus_call()         waits up to 90 s for an unanswered greeting; in systemd 252 it also fails on signals
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "bus_call.h"
#include "read_reply.h"
#include "read_session.h"
#include "read_verdict.h"

#define BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define GUESTD_NAME "org.guestd1"
#define GUESTD_OBJECT "/org/guestd1"
#define GUESTD_INTERFACE "org.guestd1.Manager"

#define USEC_PER_SEC UINT64_C(1000000)
#define RETRY_USEC 50000

static uint64_t now_usec(void)
{
        struct timespec now = {};

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

struct exchange {
        const char *method;
        uint64_t deadline;
        sd_bus *bus;
        sd_bus_message *call, *reply;
};

static void exchange_done(struct exchange *exchange)
{
        sd_bus_message_unref(exchange->reply);
        sd_bus_message_unref(exchange->call);
        sd_bus_close_unref(exchange->bus);
}

static int bus_prepare(sd_bus *bus, uint64_t usec)
{
        int r = sd_bus_set_address(bus, BUS_ADDRESS);

        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        /* The bus's clients must not fill this process's descriptor table. */
        r = sd_bus_negotiate_fds(bus, false);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(bus, usec);
        if (r < 0)
                return r;
        return sd_bus_start(bus); /* non-blocking: connect(2) cannot hang */
}

/* Sends nothing yet: sd-bus queues the call until the bus has replied to the greeting. */
static int exchange_begin(struct exchange *exchange, struct refusal *why)
{
        uint64_t now = now_usec();
        int r;

        r = sd_bus_new(&exchange->bus);
        if (r >= 0)
                r = bus_prepare(exchange->bus, exchange->deadline > now ? exchange->deadline - now : 1);
        if (r >= 0)
                r = sd_bus_message_new_method_call(exchange->bus, &exchange->call, GUESTD_NAME, GUESTD_OBJECT,
                                                   GUESTD_INTERFACE, exchange->method);
        return r < 0 ? refuse(why, r, "%s: connect to " BUS_ADDRESS, exchange->method) : 0;
}

static int reply_keep(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) error;
        *(sd_bus_message **) userdata = sd_bus_message_ref(message);
        return 0;
}

/* The only loop that waits, from connecting to guestd's answer. */
static int reply_await(sd_bus *bus, sd_bus_message *call, uint64_t deadline, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        int r;

        r = sd_bus_call_async(bus, &slot, call, reply_keep, &reply, UINT64_MAX);
        if (r < 0)
                return r;
        while (!reply) {
                uint64_t now = now_usec();

                if (now >= deadline)
                        return -ETIMEDOUT;
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, deadline - now);
                if (r < 0 && r != -EINTR && r != -EAGAIN) /* signals neither end nor lengthen the wait */
                        return r;
        }
        *ret = reply;
        reply = NULL;
        return 0;
}

/* Appends a call's arguments. sd-bus refuses strings that are not UTF-8. */
typedef int arguments_append(sd_bus_message *call, const void *what);

static int exchange_try(struct exchange *exchange, arguments_append *append, const void *what, struct refusal *why)
{
        int r = exchange_begin(exchange, why);

        if (r < 0)
                return r;
        r = append(exchange->call, what);
        if (r < 0)
                return refuse(why, r, "%s: request", exchange->method);
        r = reply_await(exchange->bus, exchange->call, exchange->deadline, &exchange->reply);
        return r < 0 ? refuse(why, r, "%s", exchange->method) : 0;
}

/* The bus refuses the greeting before it has seen the call. */
static bool bus_is_full(int r)
{
        return r == -ENOBUFS;
}

static int exchange_make(struct exchange *exchange, unsigned seconds, arguments_append *append, const void *what,
                         struct refusal *why)
{
        int r;

        exchange->deadline = now_usec() + seconds * USEC_PER_SEC;
        for (;;) {
                r = exchange_try(exchange, append, what, why);
                if (!bus_is_full(r) || now_usec() + RETRY_USEC >= exchange->deadline)
                        break;
                exchange_done(exchange);
                exchange->bus = NULL;
                exchange->call = exchange->reply = NULL;
                /* Avoids retrying at the same moment as others. */
                usleep(RETRY_USEC / 2 + (useconds_t) (getpid() % 50) * (RETRY_USEC / 100));
        }
        if (r == 0 && sd_bus_message_is_method_error(exchange->reply, NULL))
                r = error_read(exchange->method, exchange->reply, why);
        return r;
}

static int request_append(sd_bus_message *call, const void *what)
{
        const struct request *request = what;
        const struct passwd *account = request->account;

        if (request->joins)
                return sd_bus_message_append(call, "u", (uint32_t) account->pw_uid);
        return sd_bus_message_append(call, "a{sv}", 12,
                                     "user", "s", account->pw_name,
                                     "uid", "u", (uint32_t) account->pw_uid,
                                     "gid", "u", (uint32_t) account->pw_gid,
                                     "home", "s", account->pw_dir,
                                     "shell", "s", account->pw_shell,
                                     "service", "s", request->service,
                                     "tty", "s", request->tty,
                                     "rhost", "s", request->rhost,
                                     "display", "s", request->display,
                                     "seat", "s", request->seat,
                                     "terms", "s", request->reply.digest,
                                     "answer", "s", request->reply.answer);
}

static int question_append(sd_bus_message *call, const void *what)
{
        const struct request *request = what;

        return sd_bus_message_append(call, "a{sv}", 6,
                                     "user", "s", request->account->pw_name,
                                     "service", "s", request->service,
                                     "tty", "s", request->tty,
                                     "rhost", "s", request->rhost,
                                     "terms", "s", request->reply.digest,
                                     "answer", "s", request->reply.answer);
}

static int id_append(sd_bus_message *call, const void *what)
{
        return sd_bus_message_append(call, "s", (const char *) what);
}

int guest_bus_allocate(const struct request *request, unsigned seconds, struct verdict *ret, struct refusal *why)
{
        _cleanup_(exchange_done) struct exchange exchange = { .method = "AllocateAccount" };
        int r = exchange_make(&exchange, seconds, question_append, request, why);

        return r < 0 ? r : verdict_read(exchange.reply, ret, why);
}

int guest_bus_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why)
{
        _cleanup_(exchange_done) struct exchange exchange = {
                .method = request->joins ? "JoinSession" : "OpenSession",
        };
        int r = exchange_make(&exchange, seconds, request_append, request, why);

        return r < 0 ? r : session_read(exchange.reply, request->joins, ret, why);
}

int guest_bus_close(const char *id, unsigned seconds, struct refusal *why)
{
        _cleanup_(exchange_done) struct exchange exchange = { .method = "CloseSession" };

        return exchange_make(&exchange, seconds, id_append, id, why);
}
