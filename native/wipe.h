// Empties the tmpfs of an ended view: a process that still reaches it finds nothing. Crosses no mount.
#pragma once

#include <chrono>

#include "view.h"

namespace guestns {

/**
 * Truncates and removes all files in these tmpfs. Mounts in them stay, with the directories above; covered tmpfs are
 * skipped. Changes the thread's mount namespace for good.
 * @param limit of processor time, in total
 * @return bytes left: unlinked files that a process has open, mapped or in transit
 * @throws Failure when the view cannot be entered or the time is over (ETIMEDOUT)
 */
uint64_t wipe_view(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted, std::chrono::milliseconds limit,
                   const Cancelled& cancelled);

}  // namespace guestns
