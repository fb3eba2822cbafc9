// The exported functions of the addon (src/system/bindings.ts). Only converts values and starts threads.
#include <napi.h>
#include <sys/mount.h>

#include <memory>
#include <optional>

#include "arguments.h"
#include "connection.h"
#include "ipc.h"
#include "job.h"
#include "leader_watch.h"
#include "mount_ops.h"
#include "notify.h"
#include "plan.h"
#include "view.h"
#include "wipe.h"

namespace guestns {
namespace {

template <Napi::Value (*body)(const Napi::CallbackInfo&)>
Napi::Value throwing(const Napi::CallbackInfo& info) {
  try {
    return body(info);
  } catch (const Failure& failure) {
    throw to_error(info.Env(), failure);
  }
}

int to_fd(const Napi::Value& value) { return static_cast<int>(to_integer(value, 0, INT32_MAX, "pidfd")); }

Napi::Value rejected(Napi::Env env, const Napi::Value& reason) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(reason);
  return deferred.Promise();
}

/** Like `throwing`, for functions that return a promise: it rejects instead. */
template <Napi::Value (*body)(const Napi::CallbackInfo&)>
Napi::Value rejecting(const Napi::CallbackInfo& info) {
  try {
    return body(info);
  } catch (const Failure& failure) {
    return rejected(info.Env(), to_error(info.Env(), failure).Value());
  } catch (const Napi::Error& thrown_by_a_getter) {
    return rejected(info.Env(), thrown_by_a_getter.Value());
  }
}

std::chrono::milliseconds to_limit(const Napi::Value& value) {
  return std::chrono::milliseconds(to_integer(value, 0, INT32_MAX, "limitMs"));
}

/** The caller may close the descriptor while a thread uses it. */
Fd copy_fd(int fd, const char* step) { return Fd(check(fcntl(fd, F_DUPFD_CLOEXEC, 0), step, "")); }

Napi::Value start_build(const Napi::CallbackInfo& info) {
  Plan plan = read_plan(info[1]);
  std::string label = to_text(info[2], "label");
  check_label(label);
  Fd leader = copy_fd(to_fd(info[0]), "pidfd");
  const int64_t executable = info[3].IsUndefined() ? -1 : to_integer(info[3], -1, INT32_MAX, "reaper");
  Fd reaper;
  if (executable >= 0) reaper = copy_fd(static_cast<int>(executable), "reaper");
  return start_job(info.Env(), "guestns-build",
                   [leader = std::move(leader), plan = std::move(plan), label = std::move(label),
                    reaper = std::move(reaper)](const Cancelled& cancelled) {
                     return build_view(leader, plan, label, reaper, cancelled);
                   });
}

Napi::Value open_pidfd(const Napi::CallbackInfo& info) {
  const auto pid = static_cast<pid_t>(to_integer(info[0], 1, INT32_MAX, "pid"));
  return Napi::Number::New(info.Env(), pidfd_of(pid).release());
}

Napi::Value send_signal(const Napi::CallbackInfo& info) {
  pidfd_signal(to_fd(info[0]), static_cast<int>(to_integer(info[1], 0, SIGRTMAX, "signal")));
  return info.Env().Undefined();
}

Napi::Value look_at_connection(const Napi::CallbackInfo& info) {
  const int fd = static_cast<int>(to_integer(info[1], 0, INT32_MAX, "fd"));
  switch (connection_look(to_fd(info[0]), fd)) {
    case Connection::kOpen: return Napi::String::New(info.Env(), "open");
    case Connection::kGone: return Napi::String::New(info.Env(), "gone");
    case Connection::kNone: break;
  }
  return info.Env().Undefined();
}

std::vector<View::Tmpfs> to_tmpfs(const Napi::Value& first, const Napi::Value& second) {
  const auto targets = to_texts(first, "targets");
  const auto devices = to_texts(second, "devices");
  if (targets.size() != devices.size()) fail("arguments", "devices", EINVAL, "expected as many as targets");
  std::vector<View::Tmpfs> mounted;
  for (size_t i = 0; i < targets.size(); i++) mounted.push_back({targets[i], devices[i]});
  return mounted;
}

Napi::Value start_wipe(const Napi::CallbackInfo& info) {
  auto mounted = to_tmpfs(info[1], info[2]);
  const auto limit = to_limit(info[3]);
  Fd view = copy_fd(to_fd(info[0]), "view");
  return start_job(info.Env(), "guestns-wipe", [view = std::move(view), mounted = std::move(mounted), limit](const Cancelled& cancelled) {
    return wipe_view(view, mounted, limit, cancelled);
  });
}

Napi::Value start_empty_ipc(const Napi::CallbackInfo& info) {
  Fd ipc = copy_fd(to_fd(info[0]), "ipc");
  return start_job(info.Env(), "guestns-ipc", [ipc = std::move(ipc)](const Cancelled& cancelled) { return ipc_empty(ipc, cancelled); });
}

Napi::Value measure_view(const Napi::CallbackInfo& info) {
  const Fd view = copy_fd(to_fd(info[0]), "view");
  const auto mounted = to_tmpfs(info[1], info[2]);
  uint64_t bytes = 0;
  std::optional<Failure> failure;
  const auto measure = [&] {
    prepare_thread("guestns-build");
    try {
      bytes = view_usage(view, mounted);
    } catch (const Failure& thrown) {
      failure = thrown;
    } catch (const std::bad_alloc&) {
      failure = Failure{"measure", "", ENOMEM, ""};
    }
  };
  // Entering a view is for good, so a separate thread does it. It is fast enough to wait for.
  try {
    std::thread(measure).join();
  } catch (const std::system_error& error) {
    fail("thread", "", error.code().value());
  }
  if (failure) throw *failure;
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

Napi::Value has_ended(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), pidfd_has_ended(to_fd(info[0])));
}

Napi::Value reap(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), isolation_reap(to_fd(info[0])));
}

/** Exceptions are uncaught, as in any event. */
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

  // If Node ends first, the hook makes it wait until libuv has closed the watch.
  const auto hook = std::make_shared<napi_async_cleanup_hook_handle>();
  const auto watch = LeaderWatch::start(
      loop, to_fd(info[0]), [callback] { call_back(*callback); }, [hook] { napi_remove_async_cleanup_hook(*hook); });
  const auto stop_at_end = [](napi_async_cleanup_hook_handle, void* ended) { static_cast<LeaderWatch*>(ended)->stop(); };
  napi_add_async_cleanup_hook(env, stop_at_end, watch.get(), hook.get());

  auto handle = Napi::Object::New(env);
  handle.Set("stop", Napi::Function::New(env, [watch](const Napi::CallbackInfo&) { watch->stop(); }, "stop"));
  return handle;
}

/** Safe: never root's own files. */
uid_t to_uid(const Napi::Value& value) { return static_cast<uid_t>(to_integer(value, 1, int64_t{UINT32_MAX} - 1, "uid")); }

/** One per process: sweeps find each other through it. */
SweptDirectories& swept_directories() {
  static SweptDirectories directories;
  return directories;
}

Napi::Value start_sweep(const Napi::CallbackInfo& info) {
  auto paths = to_texts(info[0], "paths");
  for (const auto& path : paths) check_absolute(path, "arguments");
  const uid_t uid = to_uid(info[1]);
  if (!info[2].IsBoolean()) fail("arguments", "remove", EINVAL, "expected true or false");
  const bool remove = info[2].As<Napi::Boolean>().Value();
  const auto limit = to_limit(info[3]);
  return start_job(info.Env(), "guestns-sweep", [paths = std::move(paths), uid, remove, limit](const Cancelled& cancelled) {
    return sweep_files(swept_directories(), paths, uid, remove, limit, cancelled);
  });
}

/** While a thread runs a walk, no second one may start. */
struct OpenWalk {
  OpenWalk(std::vector<std::string> paths, std::unordered_set<uid_t> uids)
      : walk(swept_directories(), std::move(paths), std::move(uids), true, FileWalk::Depth::kWhole) {}

  FileWalk walk;
  std::atomic<bool> busy{false};
};

Napi::Value go_on(Napi::Env env, const std::shared_ptr<OpenWalk>& open, std::chrono::milliseconds limit) {
  if (open->busy.exchange(true)) fail("sweep", "", EBUSY, "it goes on already");
  return start_job(env, "guestns-walk", [open, limit](const Cancelled& cancelled) {
    struct Rest {
      ~Rest() { busy = false; }
      std::atomic<bool>& busy;
    } rest{open->busy};
    yield_to_all();
    open->walk.go_on(limit, cancelled);
    return open->walk.progress();
  });
}

Napi::Value open_walk(const Napi::CallbackInfo& info) {
  auto paths = to_texts(info[0], "paths");
  for (const auto& path : paths) check_absolute(path, "arguments");
  std::unordered_set<uid_t> uids;
  if (!info[1].IsArray()) fail("arguments", "uids", EINVAL, "expected an array of uids");
  const auto array = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) uids.insert(to_uid(array.Get(i)));
  const auto open = std::make_shared<OpenWalk>(std::move(paths), std::move(uids));
  auto handle = Napi::Object::New(info.Env());
  const auto body = [open](const Napi::CallbackInfo& call) {
    try {
      return go_on(call.Env(), open, to_limit(call[0]));
    } catch (const Failure& failure) {
      return rejected(call.Env(), to_error(call.Env(), failure).Value());
    }
  };
  handle.Set("goOn", Napi::Function::New(info.Env(), body, "goOn"));
  return handle;
}

Napi::Value notify(const Napi::CallbackInfo& info) {
  notify_send(to_text(info[0], "address"), to_text(info[1], "state"), to_fds(info[2], "fds"));
  return info.Env().Undefined();
}

Napi::Value remove_ipc(const Napi::CallbackInfo& info) {
  ipc_remove(to_text(info[0], "kind"), static_cast<int>(to_integer(info[1], 0, INT32_MAX, "id")));
  return info.Env().Undefined();
}

Napi::Value open_queues(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), ipc_open_queues().release());
}

Napi::Value unmount(const Napi::CallbackInfo& info) {
  const std::string path = to_text(info[0], "path");
  check_absolute(path, "arguments");
  mount_remove(path);
  return info.Env().Undefined();
}

Napi::Value probe(const Napi::CallbackInfo& info) {
  // Safe: closed unused. At most the kernel loads its overlay module, as a mount would.
  const Fd overlay(fsopen("overlay", FSOPEN_CLOEXEC));
  auto found = Napi::Object::New(info.Env());
  found.Set("overlay", static_cast<bool>(overlay));
  found.Set("noswap", mount_knows_noswap());
  return found;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("buildView", Napi::Function::New<rejecting<start_build>>(env, "buildView"));
  exports.Set("openPidfd", Napi::Function::New<throwing<open_pidfd>>(env, "openPidfd"));
  exports.Set("watchPidfd", Napi::Function::New<throwing<watch_pidfd>>(env, "watchPidfd"));
  exports.Set("sendSignal", Napi::Function::New<throwing<send_signal>>(env, "sendSignal"));
  exports.Set("hasEnded", Napi::Function::New<throwing<has_ended>>(env, "hasEnded"));
  exports.Set("lookAtConnection", Napi::Function::New<throwing<look_at_connection>>(env, "lookAtConnection"));
  exports.Set("measureView", Napi::Function::New<throwing<measure_view>>(env, "measureView"));
  exports.Set("wipeView", Napi::Function::New<rejecting<start_wipe>>(env, "wipeView"));
  exports.Set("emptyIpc", Napi::Function::New<rejecting<start_empty_ipc>>(env, "emptyIpc"));
  exports.Set("reap", Napi::Function::New<throwing<reap>>(env, "reap"));
  exports.Set("sweepFiles", Napi::Function::New<rejecting<start_sweep>>(env, "sweepFiles"));
  exports.Set("openWalk", Napi::Function::New<throwing<open_walk>>(env, "openWalk"));
  exports.Set("notify", Napi::Function::New<throwing<notify>>(env, "notify"));
  exports.Set("removeIpc", Napi::Function::New<throwing<remove_ipc>>(env, "removeIpc"));
  exports.Set("openQueues", Napi::Function::New<throwing<open_queues>>(env, "openQueues"));
  exports.Set("unmount", Napi::Function::New<throwing<unmount>>(env, "unmount"));
  exports.Set("probe", Napi::Function::New<throwing<probe>>(env, "probe"));
  return exports;
}

}  // namespace

NODE_API_MODULE(guestns, init)

}  // namespace guestns
