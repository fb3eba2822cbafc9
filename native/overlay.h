// The overlay step: layers checked, whiteouts made, then one read-only overlayfs. Changes neither layers nor target: it
// writes only to a tmpfs of its own.
#pragma once

#include "guestns.h"
#include "plan.h"

namespace guestns {

/**
 * Makes the detached mount of an overlay step; an empty Fd when nothing would lie over the target.
 * @param label of the scratch file system
 * @param fd_directory this thread's /proc/thread-self/fd
 * @throws Failure, step "overlay layer" with EPERM for a layer that others than root could have written
 */
Fd overlay_create(const OverlayStep& step, const Fd& fd_directory, const std::string& label, const Cancelled& cancelled);

}  // namespace guestns
