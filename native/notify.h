// Notifies the service manager, and passes it descriptors to store: sd_notify(3) without its library. Reads no
// environment: the caller knows the address.
#pragma once

#include "guestns.h"

namespace guestns {

/**
 * Sends one datagram without waiting.
 * @param address in the form of NOTIFY_SOCKET: "/path" or "@abstract"
 * @param fds copies are sent; the caller keeps theirs
 * @throws Failure, step "notify"; EAGAIN when the manager's queue is full
 */
void notify_send(const std::string& address, const std::string& state, const std::vector<int>& fds);

}  // namespace guestns
