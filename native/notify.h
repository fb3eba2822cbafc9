// Tells the service manager something, and gives it descriptors to keep: sd_notify(3) without its library.
// Reads no environment: where the manager listens is the caller's to know.
#pragma once

#include "guestns.h"

namespace guestns {

/**
 * Sends one datagram, and waits for nothing.
 * @param address as NOTIFY_SOCKET has it: "/path" or "@abstract"
 * @param fds copies of them go along; the caller keeps his
 * @throws Failure, step "notify"; EAGAIN when the manager's queue is full
 */
void notify_send(const std::string& address, const std::string& state, const std::vector<int>& fds);

}  // namespace guestns
