// C++ out, JavaScript values in: what the exported functions give, as src/system/bindings.ts says; main thread only.
// With arguments.h, job.h and addon.cc all that knows N-API.
#pragma once

#include <napi.h>

#include "guestns.h"
#include "sweep_files.h"
#include "view.h"

namespace guestns {

/** The JavaScript Error of a Failure; "STEP PATH: what the kernel says (CODE): what to do". */
Napi::Error to_error(Napi::Env env, const Failure& failure);

Napi::Value to_value(Napi::Env env, const View& view);

Napi::Value to_value(Napi::Env env, const SweptFiles& swept);

Napi::Value to_value(Napi::Env env, const WalkProgress& progress);

inline Napi::Value to_value(Napi::Env env, uint64_t number) { return Napi::Number::New(env, static_cast<double>(number)); }

/** The caller has the descriptors of a result now. */
void hand_over(View& view);
template <typename Result>
void hand_over(Result&) {}

}  // namespace guestns
