// Makes no system call.
#include "results.h"

#include <cstring>

namespace guestns {
namespace {

Napi::Object to_object(Napi::Env env, const NamespaceFile& file) {
  auto object = Napi::Object::New(env);
  object.Set("fd", Napi::Number::New(env, file.fd.get()));
  object.Set("inode", Napi::Number::New(env, static_cast<double>(file.inode)));
  return object;
}

Napi::Object isolation_of(Napi::Env env, const View& view) {
  auto object = Napi::Object::New(env);
  object.Set("ipc", to_object(env, view.ipc));
  if (!view.isolation) return object;
  object.Set("pid", Napi::Number::New(env, view.isolation->pid));
  object.Set("pidfd", Napi::Number::New(env, view.isolation->pidfd.get()));
  object.Set("processes", to_object(env, view.isolation->processes));
  return object;
}

Napi::Array to_array(Napi::Env env, const std::vector<std::string>& texts) {
  auto array = Napi::Array::New(env, texts.size());
  for (uint32_t i = 0; i < texts.size(); i++) array.Set(i, texts[i]);
  return array;
}

}  // namespace

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

Napi::Value to_value(Napi::Env env, const View& view) {
  auto tmpfs = Napi::Array::New(env, view.tmpfs.size());
  for (uint32_t i = 0; i < view.tmpfs.size(); i++) {
    auto entry = Napi::Object::New(env);
    entry.Set("target", view.tmpfs[i].target);
    entry.Set("device", view.tmpfs[i].device);
    tmpfs.Set(i, entry);
  }
  auto built = Napi::Object::New(env);
  built.Set("inode", Napi::Number::New(env, static_cast<double>(view.inode)));
  built.Set("tmpfs", tmpfs);
  built.Set("skipped", to_array(env, view.skipped));
  built.Set("dropped", to_array(env, view.dropped));
  built.Set("fd", Napi::Number::New(env, view.mount_namespace.get()));
  if (view.kept) built.Set("kept", Napi::Number::New(env, view.kept.get()));
  if (view.ipc.fd) built.Set("isolation", isolation_of(env, view));
  return built;
}

Napi::Value to_value(Napi::Env env, const SweptFiles& swept) {
  auto object = Napi::Object::New(env);
  object.Set("found", Napi::Number::New(env, static_cast<double>(swept.found)));
  object.Set("removed", Napi::Number::New(env, static_cast<double>(swept.removed)));
  object.Set("left", to_array(env, swept.left));
  object.Set("unseen", to_array(env, swept.unseen));
  return object;
}

Napi::Value to_value(Napi::Env env, const WalkProgress& progress) {
  auto owners = Napi::Array::New(env, progress.owners.size());
  uint32_t index = 0;
  for (const auto& [uid, swept] : progress.owners) {
    auto owner = Napi::Object::New(env);
    owner.Set("uid", Napi::Number::New(env, uid));
    owner.Set("found", Napi::Number::New(env, static_cast<double>(swept.found)));
    owner.Set("removed", Napi::Number::New(env, static_cast<double>(swept.removed)));
    owner.Set("left", to_array(env, swept.left));
    owners.Set(index++, owner);
  }
  auto object = Napi::Object::New(env);
  object.Set("done", progress.done);
  object.Set("names", Napi::Number::New(env, static_cast<double>(progress.names)));
  object.Set("owners", owners);
  object.Set("unread", to_array(env, progress.unread));
  return object;
}

void hand_over(View& view) {
  view.mount_namespace.release();
  view.kept.release();
  view.ipc.fd.release();
  if (!view.isolation) return;
  view.isolation->pidfd.release();
  view.isolation->processes.fd.release();
}

}  // namespace guestns
