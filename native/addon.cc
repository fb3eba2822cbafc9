// The Node side of the addon: arguments in, results and errors out, as src/system/bindings.ts says.
// With arguments.cc the only file that knows N-API; it makes no mount, and touches no JavaScript value off the main thread.
#include <napi.h>
#include <sys/mount.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <variant>

#include "arguments.h"
#include "leader_watch.h"
#include "view.h"

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

int to_fd(const Napi::Value& value) { return static_cast<int>(to_integer(value, 0, INT32_MAX, "pidfd")); }

struct BuildJob;
void settle_build(Napi::Env env, Napi::Function, BuildJob* job, void*);
using BuildDone = Napi::TypedThreadSafeFunction<BuildJob, void, settle_build>;

/** One view being built. Made, settled and deleted on the main thread; `run` is the thread. */
struct BuildJob {
  BuildJob(Napi::Env env, Fd leader_fd, Plan steps, Fd reaper_fd)
      : deferred(Napi::Promise::Deferred::New(env)),
        leader(std::move(leader_fd)),
        plan(std::move(steps)),
        reaper(std::move(reaper_fd)) {}

  void run() {
    try {
      result = build_view(leader, plan, reaper, cancelled);
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
  Fd reaper;
  Cancelled cancelled{false};
  std::variant<Failure, View> result;
  BuildDone done;
  std::thread thread;
};

Napi::Object to_object(Napi::Env env, const NamespaceFile& file) {
  auto object = Napi::Object::New(env);
  object.Set("fd", Napi::Number::New(env, file.fd.get()));
  object.Set("inode", Napi::Number::New(env, static_cast<double>(file.inode)));
  return object;
}

Napi::Object to_object(Napi::Env env, const Isolation& isolation) {
  auto object = Napi::Object::New(env);
  object.Set("pid", Napi::Number::New(env, isolation.pid));
  object.Set("pidfd", Napi::Number::New(env, isolation.pidfd.get()));
  object.Set("processes", to_object(env, isolation.processes));
  object.Set("ipc", to_object(env, isolation.ipc));
  return object;
}

/** The caller has them now. */
void release(View& view) {
  view.mount_namespace.release();
  if (!view.isolation) return;
  view.isolation->pidfd.release();
  view.isolation->processes.fd.release();
  view.isolation->ipc.fd.release();
}

Napi::Object to_object(Napi::Env env, const View& view) {
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
  if (view.isolation) built.Set("isolation", to_object(env, *view.isolation));
  return built;
}

void settle_build(Napi::Env env, Napi::Function, BuildJob* job, void*) {
  // Without an env Node is shutting down, and the finalizer has deleted the job already.
  if (env == nullptr) return;
  job->thread.join();
  job->leader.reset();
  job->reaper.reset();
  try {
    if (auto* view = std::get_if<View>(&job->result)) {
      job->deferred.Resolve(to_object(env, *view));
      release(*view);  // last: an exception before must not leak them
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

Napi::Value start_build(Napi::Env env, Fd leader, Plan plan, Fd reaper) {
  auto job = std::make_unique<BuildJob>(env, std::move(leader), std::move(plan), std::move(reaper));
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
    const int64_t executable = info[2].IsUndefined() ? -1 : to_integer(info[2], -1, INT32_MAX, "reaper");
    Fd reaper;
    if (executable >= 0) reaper = Fd(check(fcntl(static_cast<int>(executable), F_DUPFD_CLOEXEC, 0), "reaper", ""));
    return start_build(env, std::move(leader), std::move(plan), std::move(reaper));
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

Napi::Value measure_view(const Napi::CallbackInfo& info) {
  const Fd view(check(fcntl(to_fd(info[0]), F_DUPFD_CLOEXEC, 0), "view", ""));
  const auto targets = to_texts(info[1], "targets");
  const auto devices = to_texts(info[2], "devices");
  if (targets.size() != devices.size()) fail("arguments", "devices", EINVAL, "expected as many as targets");
  std::vector<View::Tmpfs> places;
  for (size_t i = 0; i < targets.size(); i++) places.push_back({targets[i], devices[i]});
  uint64_t bytes = 0;
  std::optional<Failure> failure;
  const auto measure = [&] {
    try {
      bytes = view_usage(view, places);
    } catch (const Failure& thrown) {
      failure = thrown;
    } catch (const std::bad_alloc&) {
      failure = Failure{"measure", "", ENOMEM, ""};
    }
  };
  // In a thread of its own, which has left this process's namespace when it ends; quick enough to be waited for.
  try {
    std::thread(measure).join();
  } catch (const std::system_error& error) {
    fail("thread", "", error.code().value());
  }
  if (failure) throw *failure;
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

Napi::Value reap(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), isolation_reap(to_fd(info[0])));
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
  exports.Set("measureView", Napi::Function::New<throwing<measure_view>>(env, "measureView"));
  exports.Set("reap", Napi::Function::New<throwing<reap>>(env, "reap"));
  exports.Set("probe", Napi::Function::New<throwing<probe>>(env, "probe"));
  return exports;
}

}  // namespace

NODE_API_MODULE(guestns, init)

}  // namespace guestns
