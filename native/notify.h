// sd_notify(3) without its library. Reads no environment: the caller knows the address.
#pragma once

#include "guestns.h"

namespace guestns {

/**
 * Sends one datagram without waiting.
 * @param address as in NOTIFY_SOCKET: "/path" or "@abstract"
 * @param fds copies are sent
 * @throws Failure, step "notify"; EAGAIN when the manager's queue is full
 */
void notify_send(const std::string& address, const std::string& state, const std::vector<int>& fds);

}  // namespace guestns
