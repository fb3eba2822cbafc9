/*
 * pam_guest_bus: the calls to guestd (contract: systemd/org.guestd1.xml). Connect, one call, disconnect.
 *
 * It must not wait longer than it was told, for whatever reason, and must not let the environment choose the bus.
 * So two parts of sd-bus are avoided, and one default is set:
 *   sd_bus_open_system()  reads DBUS_SYSTEM_BUS_ADDRESS
 *   sd_bus_call()         waits up to 90 s for a bus that does not answer the greeting, whatever the timeout of the call,
 *                         and in systemd 252 fails when a signal arrives
 *   method call timeout   is read from SYSTEMD_BUS_TIMEOUT for the greeting where it is not set
 */
#include <time.h>

#include <systemd/sd-bus.h>

#include "pam_guest.h"

#define BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define GUESTD_NAME "org.guestd1"
#define GUESTD_OBJECT "/org/guestd1"
#define GUESTD_INTERFACE "org.guestd1.Manager"

#define USEC_PER_SEC UINT64_C(1000000)

static uint64_t now_usec(void)
{
        struct timespec now = {};

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

/* Nothing is sent yet when this returns: sd-bus queues the call until the bus has greeted us. */
static int call_prepare(const char *method, uint64_t usec, sd_bus **ret_bus, sd_bus_message **ret_call)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, BUS_ADDRESS);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        /* Nobody on the bus can fill our descriptor table. */
        r = sd_bus_negotiate_fds(bus, false);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(bus, usec);
        if (r < 0)
                return r;
        r = sd_bus_start(bus); /* the socket is non-blocking from the start: connect(2) cannot hang */
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(bus, ret_call, GUESTD_NAME, GUESTD_OBJECT, GUESTD_INTERFACE, method);
        if (r < 0)
                return r;
        *ret_bus = bus;
        bus = NULL;
        return 0;
}

static int reply_keep(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) error;
        *(sd_bus_message **) userdata = sd_bus_message_ref(message);
        return 0;
}

/* The one loop that waits: connecting, authentication, greeting, activation of guestd and its answer. */
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
                if (r < 0 && r != -EINTR && r != -EAGAIN) /* the host's signals neither end nor lengthen the wait */
                        return r;
        }
        *ret = reply;
        reply = NULL;
        return 0;
}

static int call_finish(sd_bus *bus, sd_bus_message *call, const char *method, uint64_t deadline,
                       sd_bus_message **ret, struct refusal *why)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = reply_await(bus, call, deadline, &reply);
        if (r < 0)
                return refuse(why, r, "%s", method);
        if (sd_bus_message_is_method_error(reply, NULL))
                return error_read(method, reply, why);
        *ret = reply;
        reply = NULL;
        return 0;
}

/* The strings are the account database's and PAM's: sd-bus refuses what is not UTF-8. */
static int request_append(sd_bus_message *call, const struct request *request)
{
        const struct passwd *account = request->account;

        if (request->joins)
                return sd_bus_message_append(call, "u", (uint32_t) account->pw_uid);
        return sd_bus_message_append(call, "a{sv}", 8,
                                     "user", "s", account->pw_name,
                                     "uid", "u", (uint32_t) account->pw_uid,
                                     "gid", "u", (uint32_t) account->pw_gid,
                                     "home", "s", account->pw_dir,
                                     "shell", "s", account->pw_shell,
                                     "service", "s", request->service,
                                     "tty", "s", request->tty,
                                     "rhost", "s", request->rhost);
}

int guest_bus_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why)
{
        const char *method = request->joins ? "JoinSession" : "OpenSession";
        uint64_t usec = seconds * USEC_PER_SEC, deadline = now_usec() + usec;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = call_prepare(method, usec, &bus, &call);
        if (r < 0)
                return refuse(why, r, "%s: connect to " BUS_ADDRESS, method);
        r = request_append(call, request);
        if (r < 0)
                return refuse(why, r, "%s: request", method);
        r = call_finish(bus, call, method, deadline, &reply, why);
        if (r < 0)
                return r;
        return session_read(reply, ret, why);
}

int guest_bus_close(const char *id, unsigned seconds, struct refusal *why)
{
        uint64_t usec = seconds * USEC_PER_SEC, deadline = now_usec() + usec;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = call_prepare("CloseSession", usec, &bus, &call);
        if (r < 0)
                return refuse(why, r, "CloseSession: connect to " BUS_ADDRESS);
        r = sd_bus_message_append(call, "s", id);
        if (r < 0)
                return refuse(why, r, "CloseSession: request");
        return call_finish(bus, call, "CloseSession", deadline, &reply, why);
}
