/*
 * pam_guest: loads the part that talks to guestd, pam_guest_bus.so, when there is a guest and not before.
 *
 * libsystemd brings liblzma, libzstd, liblz4 and libgcrypt along: none of them is to be in the sshd or login of anybody but
 * a guest. The backdoor in liblzma of 2024 (CVE-2024-3094) came into sshd by just this way. They take milliseconds to load, too.
 * It must load nothing but the file at the path that was fixed when this was built; only root can write there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "bus_part.h"
#include "bus_call.h"

/* RTLD_NODELETE: what close needs is there since open, and is not looked for again inside the guest's view. */
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
