// Reads the arguments of exported functions; main thread only. Only this, results.h, job.h and addon.cc know N-API.
#pragma once

#include <napi.h>

#include "guestns.h"
#include "plan.h"

namespace guestns {

/** @throws Failure, step "arguments" or `where`, unless it is an integer from `least` to `most` */
int64_t to_integer(const Napi::Value& value, int64_t least, int64_t most, const std::string& where);

/** @throws Failure, step "arguments", unless it is a string */
std::string to_text(const Napi::Value& value, const std::string& where);

/** @throws Failure, step "arguments", unless it is an array of strings */
std::vector<std::string> to_texts(const Napi::Value& value, const std::string& where);

/** @throws Failure, step "arguments", unless it is an array of descriptors */
std::vector<int> to_fds(const Napi::Value& value, const std::string& where);

/** @throws Failure as check_plan(), or Napi::Error when a getter of the plan throws */
Plan read_plan(const Napi::Value& value);

}  // namespace guestns
