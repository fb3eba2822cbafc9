// Empties the tmpfs of a view that has ended, so that whoever still has a way into it finds nothing there.
// Takes nothing away but what is in these tmpfs, and crosses no mount.
#pragma once

#include <chrono>

#include "view.h"

namespace guestns {

/**
 * Truncates all files in these tmpfs and removes all that is in them. What is mounted in them stays, with the directories on the
 * way there; one that something else has been mounted over is passed over.
 * Changes the mount namespace of the calling thread for good, as build_view does.
 * @param limit of processor time, for all of it
 * @return bytes that they hold after that: of files without a name that somebody has open or mapped, or sends to somebody
 * @throws Failure when the view cannot be entered or the time is over (ETIMEDOUT)
 */
uint64_t wipe_view(const Fd& mount_namespace, const std::vector<View::Tmpfs>& mounted, std::chrono::milliseconds limit,
                   const Cancelled& cancelled);

}  // namespace guestns
