// The overlay step. Changes neither layers nor target: it writes only to its own tmpfs.
#pragma once

#include "guestns.h"
#include "plan.h"

namespace guestns {

/**
 * The detached mount of an overlay step; an empty Fd when nothing would lie over the target.
 * @param label of the scratch file system
 * @param fd_directory this thread's /proc/thread-self/fd
 * @throws Failure, step "overlay layer" with EPERM if others than root could have written a layer
 */
Fd overlay_create(const OverlayStep& step, const Fd& fd_directory, const std::string& label, const Cancelled& cancelled);

}  // namespace guestns
