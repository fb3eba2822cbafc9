/*
 * pam_guest: loads pam_guest_bus.so, the part that talks to guestd, when there is a guest and not before.
 *
 * libsystemd brings liblzma, libzstd, liblz4 and libgcrypt along: none of them should be in sshd or login for other
 * users. The backdoor in liblzma of 2024 (CVE-2024-3094) entered sshd in exactly this way. Loading them also takes
 * milliseconds. It must load only the file at the path fixed at build time, where only root can write.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "bus_part.h"
#include "bus_call.h"

/* RTLD_NODELETE: close needs what open has loaded, and must not look for it inside the guest's view. */
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
