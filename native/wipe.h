// Empties the tmpfs of a view that has ended, so a process that still has a way into it finds nothing there. Removes
// only their contents, and crosses no mount.
#pragma once

#include <chrono>

#include "view.h"

namespace guestns {

/**
 * Truncates all files in these tmpfs and removes their contents. Mounts in them stay, with the directories on the way
 * there; a covered tmpfs is skipped. Changes the mount namespace of the calling thread for good, as build_view does.
 * @param limit of processor time, for all of it
 * @return bytes left after that: unlinked files that a process has open, mapped or in transit
 * @throws Failure when the view cannot be entered or the time is over (ETIMEDOUT)
 */
uint64_t wipe_view(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted, std::chrono::milliseconds limit,
                   const Cancelled& cancelled);

}  // namespace guestns
