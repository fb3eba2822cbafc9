// The Node side of the addon: arguments in, results and errors out, as src/system/bindings.ts says.
// The only file that knows N-API; it makes no mount, and touches no JavaScript value off the main thread.
#include <napi.h>
#include <sys/mount.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <variant>

#include "guestns.h"
#include "leader_watch.h"

namespace guestns {
namespace {

/** The JavaScript Error of a Failure; "STEP PATH: what the kernel says (CODE): what to do". */
Napi::Error to_error(Napi::Env env, const Failure& failure) {
  const char* code = strerrorname_np(failure.error);
  const char* text = strerrordesc_np(failure.error);
  std::string message = failure.step;
  if (!failure.path.empty()) message += " " + failure.path;
  message += std::string(": ") + (text != nullptr ? text : "Unknown error") + " (" + (code != nullptr ? code : "?") + ")";
  if (!failure.hint.empty()) message += ": " + failure.hint;
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("step", failure.step);
  error.Set("path", failure.path);
  error.Set("errno", Napi::Number::New(env, failure.error));
  error.Set("code", code != nullptr ? code : "");
  return error;
}

/** Runs the body of an exported function; a Failure in it becomes the JavaScript exception. */
template <Napi::Value (*body)(const Napi::CallbackInfo&)>
Napi::Value throwing(const Napi::CallbackInfo& info) {
  try {
    return body(info);
  } catch (const Failure& failure) {
    throw to_error(info.Env(), failure);
  }
}

int64_t to_integer(const Napi::Value& value, int64_t least, int64_t most, const std::string& where) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  const bool fits = std::trunc(number) == number && number >= static_cast<double>(least) && number <= static_cast<double>(most);
  if (!fits) fail("arguments", where, EINVAL, "expected an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return static_cast<int64_t>(number);
}

int to_fd(const Napi::Value& value) { return static_cast<int>(to_integer(value, 0, INT32_MAX, "pidfd")); }

/** One step of the plan as JavaScript has it. Each getter takes exactly its type: nothing is converted or defaulted. */
class StepReader {
 public:
  StepReader(const Napi::Value& step, std::string where) : where_(std::move(where)) {
    if (!step.IsObject()) fail("plan", where_, EINVAL, "expected an object");
    step_ = step.As<Napi::Object>();
  }

  std::string text(const char* key) const { return to_text(step_.Get(key), at(key)); }

  bool flag(const char* key) const {
    const Napi::Value value = step_.Get(key);
    if (!value.IsBoolean()) fail("plan", at(key), EINVAL, "expected true or false");
    return value.As<Napi::Boolean>().Value();
  }

  uint32_t number(const char* key, uint32_t most) const {
    return static_cast<uint32_t>(to_integer(step_.Get(key), 0, most, at(key)));
  }

  std::vector<std::string> texts(const char* key) const {
    const Napi::Value value = step_.Get(key);
    if (!value.IsArray()) fail("plan", at(key), EINVAL, "expected an array of strings");
    const auto array = value.As<Napi::Array>();
    std::vector<std::string> texts;
    for (uint32_t i = 0; i < array.Length(); i++) texts.push_back(to_text(array.Get(i), at(key)));
    return texts;
  }

  std::string at(const char* key) const { return where_ + "." + key; }

 private:
  static std::string to_text(const Napi::Value& value, const std::string& where) {
    if (!value.IsString()) fail("plan", where, EINVAL, "expected a string");
    return value.As<Napi::String>().Utf8Value();
  }

  Napi::Object step_;
  std::string where_;
};

TmpfsStep read_tmpfs(const StepReader& step) {
  constexpr uint32_t kLastId = UINT32_MAX - 1;  // the one above means "leave it" to chown(2)
  return {step.text("target"),        step.flag("create"),       step.flag("optional"),
          step.number("mode", 07777), step.number("uid", kLastId), step.number("gid", kLastId),
          step.text("size"),          step.number("inodes", INT32_MAX), step.flag("noexec"),
          step.flag("readonly"),      step.texts("skeletons")};
}

Step read_step(const StepReader& step) {
  const std::string kind = step.text("kind");
  if (kind == "tmpfs") return read_tmpfs(step);
  if (kind == "proc") return ProcStep{step.text("target"), step.text("hidepid")};
  if (kind == "hide") return HideStep{step.text("target"), step.flag("optional")};
  if (kind == "overlay") return OverlayStep{step.text("target"), step.texts("layers"), step.texts("hidden")};
  if (kind == "bind") return BindStep{step.text("source"), step.text("target"), step.flag("readonly"), step.flag("optional")};
  if (kind == "readonly") return ReadonlyStep{step.text("target"), step.flag("optional")};
  fail("plan", step.at("kind"), EINVAL, "expected tmpfs, proc, hide, overlay, bind or readonly");
}

Plan read_plan(const Napi::Value& value) {
  if (!value.IsArray()) fail("plan", "", EINVAL, "expected an array of steps");
  const auto array = value.As<Napi::Array>();
  Plan plan;
  for (uint32_t i = 0; i < array.Length(); i++)
    plan.push_back(read_step(StepReader(array.Get(i), "[" + std::to_string(i) + "]")));
  check_plan(plan);
  return plan;
}

struct BuildJob;
void settle_build(Napi::Env env, Napi::Function, BuildJob* job, void*);
using BuildDone = Napi::TypedThreadSafeFunction<BuildJob, void, settle_build>;

/** One view being built. Made, settled and deleted on the main thread; `run` is the thread. */
struct BuildJob {
  BuildJob(Napi::Env env, Fd leader_fd, Plan steps)
      : deferred(Napi::Promise::Deferred::New(env)), leader(std::move(leader_fd)), plan(std::move(steps)) {}

  void run() {
    try {
      result = build_view(leader, plan, cancelled);
    } catch (const Failure& failure) {
      result = failure;
    } catch (const std::bad_alloc&) {
      result = Failure{"build", "", ENOMEM, ""};
    }
    done.BlockingCall();
  }

  Napi::Promise::Deferred deferred;
  Fd leader;
  Plan plan;
  Cancelled cancelled{false};
  std::variant<Failure, View> result;
  BuildDone done;
  std::thread thread;
};

Napi::Object to_object(Napi::Env env, View& view) {
  auto tmpfs = Napi::Array::New(env, view.tmpfs.size());
  for (uint32_t i = 0; i < view.tmpfs.size(); i++) {
    auto entry = Napi::Object::New(env);
    entry.Set("target", view.tmpfs[i].target);
    entry.Set("device", view.tmpfs[i].device);
    tmpfs.Set(i, entry);
  }
  auto skipped = Napi::Array::New(env, view.skipped.size());
  for (uint32_t i = 0; i < view.skipped.size(); i++) skipped.Set(i, view.skipped[i]);
  auto built = Napi::Object::New(env);
  built.Set("inode", Napi::Number::New(env, static_cast<double>(view.inode)));
  built.Set("tmpfs", tmpfs);
  built.Set("skipped", skipped);
  built.Set("fd", Napi::Number::New(env, view.mount_namespace.get()));
  view.mount_namespace.release();  // last: an exception above must not leak it
  return built;
}

void settle_build(Napi::Env env, Napi::Function, BuildJob* job, void*) {
  // Without an env Node is shutting down, and the finalizer has deleted the job already.
  if (env == nullptr) return;
  job->thread.join();
  job->leader.reset();
  try {
    if (auto* view = std::get_if<View>(&job->result)) {
      job->deferred.Resolve(to_object(env, *view));
    } else {
      job->deferred.Reject(to_error(env, std::get<Failure>(job->result)).Value());
    }
  } catch (const Napi::Error&) {
    // A worker that is being ended runs no JavaScript any more: nobody waits, and the view goes with the job.
  }
  job->done.Release();
}

/** Ends a job, also at the end of the environment: the thread must not outlive the code it runs. */
void finish_build(Napi::Env, void*, BuildJob* job) {
  job->cancelled = true;
  if (job->thread.joinable()) job->thread.join();
  delete job;
}

Napi::Value start_build(Napi::Env env, Fd leader, Plan plan) {
  auto job = std::make_unique<BuildJob>(env, std::move(leader), std::move(plan));
  const Napi::Promise promise = job->deferred.Promise();
  job->done = BuildDone::New(env, "buildView", 0, 1, job.get(), finish_build);
  BuildJob* started = job.release();
  try {
    started->thread = std::thread(&BuildJob::run, started);
  } catch (const std::system_error& error) {
    started->deferred.Reject(to_error(env, {"thread", "", error.code().value(), ""}).Value());
    started->done.Release();
  }
  return promise;
}

Napi::Value build_view_js(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  // A function that returns a promise rejects it; the caller need not catch in two places.
  const auto reject = [env](const Napi::Value& reason) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(reason);
    return deferred.Promise();
  };
  try {
    Plan plan = read_plan(info[1]);
    Fd leader(check(fcntl(to_fd(info[0]), F_DUPFD_CLOEXEC, 0), "pidfd", ""));
    return start_build(env, std::move(leader), std::move(plan));
  } catch (const Failure& failure) {
    return reject(to_error(env, failure).Value());
  } catch (const Napi::Error& thrown_by_a_getter) {
    return reject(thrown_by_a_getter.Value());
  }
}

Napi::Value open_pidfd(const Napi::CallbackInfo& info) {
  const auto pid = static_cast<pid_t>(to_integer(info[0], 1, INT32_MAX, "pid"));
  return Napi::Number::New(info.Env(), pidfd_of(pid).release());
}

Napi::Value send_signal(const Napi::CallbackInfo& info) {
  pidfd_signal(to_fd(info[0]), static_cast<int>(to_integer(info[1], 0, SIGRTMAX, "signal")));
  return info.Env().Undefined();
}

/** Calls back from the event loop; what the callback throws is an uncaught exception, as from any event. */
void call_back(const Napi::FunctionReference& callback) {
  const Napi::Env env = callback.Env();
  const Napi::HandleScope scope(env);
  try {
    callback.MakeCallback(env.Global(), {});
  } catch (const Napi::Error& error) {
    if (!error.IsEmpty()) napi_fatal_exception(env, error.Value());
  }
}

Napi::Value watch_pidfd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[1].IsFunction()) fail("arguments", "onExit", EINVAL, "expected a function");
  const auto callback = std::make_shared<Napi::FunctionReference>(Napi::Persistent(info[1].As<Napi::Function>()));
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) fail("watch", "", ENOSYS, "Node gave no event loop");

  // The hook lets Node wait, when it ends first, until libuv has let go of the watch.
  const auto hook = std::make_shared<napi_async_cleanup_hook_handle>();
  const auto watch = LeaderWatch::start(
      loop, to_fd(info[0]), [callback] { call_back(*callback); }, [hook] { napi_remove_async_cleanup_hook(*hook); });
  const auto stop_at_end = [](napi_async_cleanup_hook_handle, void* ended) { static_cast<LeaderWatch*>(ended)->stop(); };
  napi_add_async_cleanup_hook(env, stop_at_end, watch.get(), hook.get());

  auto handle = Napi::Object::New(env);
  handle.Set("stop", Napi::Function::New(env, [watch](const Napi::CallbackInfo&) { watch->stop(); }, "stop"));
  return handle;
}

Napi::Value probe(const Napi::CallbackInfo& info) {
  // Safe: a context that is closed unused; at most the kernel loads its overlay module, as a mount would.
  const Fd overlay(fsopen("overlay", FSOPEN_CLOEXEC));
  auto found = Napi::Object::New(info.Env());
  found.Set("overlay", static_cast<bool>(overlay));
  return found;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("buildView", Napi::Function::New<build_view_js>(env, "buildView"));
  exports.Set("openPidfd", Napi::Function::New<throwing<open_pidfd>>(env, "openPidfd"));
  exports.Set("watchPidfd", Napi::Function::New<throwing<watch_pidfd>>(env, "watchPidfd"));
  exports.Set("sendSignal", Napi::Function::New<throwing<send_signal>>(env, "sendSignal"));
  exports.Set("probe", Napi::Function::New<throwing<probe>>(env, "probe"));
  return exports;
}

}  // namespace

NODE_API_MODULE(guestns, init)

}  // namespace guestns
