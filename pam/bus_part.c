/*
 * pam_guest: loads the part that talks to guestd, pam_guest_bus.so, when there is a guest and not before.
 *
 * libsystemd and the libraries behind it take milliseconds to load: no login but a guest's may pay for them.
 * It must load nothing but the file at the path that was fixed when this was built; only root can write there.
 */
#include <dlfcn.h>

#include "pam_guest.h"

typedef int allocate_function(const struct request *, unsigned, struct verdict *, struct refusal *);
typedef int may_unlock_function(unsigned, struct refusal *);
typedef int obtain_function(const struct request *, unsigned, struct session *, struct refusal *);
typedef int close_function(const char *, unsigned, struct refusal *);

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
        allocate_function *allocate = (allocate_function *) part_symbol("guest_bus_allocate", why);

        return allocate ? allocate(request, seconds, ret, why) : -ELIBACC;
}

int guest_may_unlock(unsigned seconds, struct refusal *why)
{
        may_unlock_function *may_unlock = (may_unlock_function *) part_symbol("guest_bus_may_unlock", why);

        return may_unlock ? may_unlock(seconds, why) : -ELIBACC;
}

int session_obtain(const struct request *request, unsigned seconds, struct session *ret, struct refusal *why)
{
        obtain_function *obtain = (obtain_function *) part_symbol("guest_bus_obtain", why);

        return obtain ? obtain(request, seconds, ret, why) : -ELIBACC;
}

int session_close(const char *id, unsigned seconds, struct refusal *why)
{
        close_function *close_session = (close_function *) part_symbol("guest_bus_close", why);

        return close_session ? close_session(id, seconds, why) : -ELIBACC;
}
