// C++ in, JavaScript values out, as in src/system/bindings.ts; main thread only. Only this, arguments.h, job.h and
// addon.cc know N-API.
#pragma once

#include <napi.h>

#include "guestns.h"
#include "sweep_files.h"
#include "view.h"

namespace guestns {

/** "STEP PATH: kernel's message (CODE): what to do". */
Napi::Error to_error(Napi::Env env, const Failure& failure);

Napi::Value to_value(Napi::Env env, const View& view);

Napi::Value to_value(Napi::Env env, const SweptFiles& swept);

Napi::Value to_value(Napi::Env env, const WalkProgress& progress);

inline Napi::Value to_value(Napi::Env env, uint64_t number) { return Napi::Number::New(env, static_cast<double>(number)); }

/** The caller now owns the descriptors of a result. */
void hand_over(View& view);
template <typename Result>
void hand_over(Result&) {}

}  // namespace guestns
