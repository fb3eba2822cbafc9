/*
 * pam_guest: loads pam_guest_bus.so, which talks to guestd, only for a guest.
 *
 * libsystemd loads liblzma, libzstd, liblz4 and libgcrypt, which takes milliseconds. They must stay out of other users'
 * sshd or login: the backdoor in liblzma (CVE-2024-3094) entered sshd that way. It must load only the path fixed at
 * build time, where only root can write.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "bus_part.h"
#include "bus_call.h"

/* RTLD_NODELETE: close must not look inside the view for what open has loaded. */
static void *part_symbol(const char *name, struct refusal *why)
{
        void *part = dlopen(BUS_PART, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        void *symbol = part ? dlsym(part, name) : NULL;

        if (!symbol)
                refuse(why, 0, "%s", dlerror());
        if (part)
                dlclose(part);
        return symbol;
}

int account_allocate(const struct request *request, unsigned seconds, struct verdict *ret, struct refusal *why)
{
        typeof(&guest_bus_allocate) allocate = part_symbol("guest_bus_allocate", why);

        return allocate ? allocate(request, seconds, ret, why) : -ELIBACC;
}

int session_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why)
{
        typeof(&guest_bus_obtain) obtain = part_symbol("guest_bus_obtain", why);

        return obtain ? obtain(request, seconds, ret, why) : -ELIBACC;
}

int session_close(const char *id, unsigned seconds, struct refusal *why)
{
        typeof(&guest_bus_close) close_session = part_symbol("guest_bus_close", why);

        return close_session ? close_session(id, seconds, why) : -ELIBACC;
}
