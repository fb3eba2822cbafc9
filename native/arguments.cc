// Converts JavaScript values to C++. Coerces and defaults nothing; plan.cc checks the plan's meaning.
#include "arguments.h"

#include <cmath>

namespace guestns {

int64_t to_integer(const Napi::Value& value, int64_t least, int64_t most, const std::string& where) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  const bool fits = std::trunc(number) == number && number >= static_cast<double>(least) && number <= static_cast<double>(most);
  if (!fits) fail("arguments", where, EINVAL, "expected an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return static_cast<int64_t>(number);
}

namespace {

std::string read_text(const Napi::Value& value, const char* step, const std::string& where) {
  if (!value.IsString()) fail(step, where, EINVAL, "expected a string");
  return value.As<Napi::String>().Utf8Value();
}

std::vector<std::string> read_texts(const Napi::Value& value, const char* step, const std::string& where) {
  if (!value.IsArray()) fail(step, where, EINVAL, "expected an array of strings");
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < array.Length(); i++) texts.push_back(read_text(array.Get(i), step, where));
  return texts;
}

/** One step of the plan. Each getter accepts exactly its type. */
class StepReader {
 public:
  StepReader(const Napi::Value& step, std::string where) : where_(std::move(where)) {
    if (!step.IsObject()) fail("plan", where_, EINVAL, "expected an object");
    step_ = step.As<Napi::Object>();
  }

  std::string text(const char* key) const { return read_text(step_.Get(key), "plan", at(key)); }

  bool flag(const char* key) const {
    const Napi::Value value = step_.Get(key);
    if (!value.IsBoolean()) fail("plan", at(key), EINVAL, "expected true or false");
    return value.As<Napi::Boolean>().Value();
  }

  uint32_t number(const char* key, uint32_t most) const {
    return static_cast<uint32_t>(to_integer(step_.Get(key), 0, most, at(key)));
  }

  std::vector<std::string> texts(const char* key) const { return read_texts(step_.Get(key), "plan", at(key)); }

  std::string at(const char* key) const { return where_ + "." + key; }

 private:
  Napi::Object step_;
  std::string where_;
};

constexpr uint32_t kLastId = UINT32_MAX - 1;  // chown(2) takes the number above as "unchanged"
constexpr uint32_t kLastMode = 07777;

TmpfsStep read_tmpfs(const StepReader& step) {
  return {step.text("target"),        step.flag("create"),       step.flag("optional"),
          step.number("mode", kLastMode), step.number("uid", kLastId), step.number("gid", kLastId),
          step.text("size"),          step.number("inodes", INT32_MAX), step.flag("noexec"),
          step.flag("readonly"),      step.texts("skeletons")};
}

Step read_step(const StepReader& step) {
  const std::string kind = step.text("kind");
  if (kind == "tmpfs") return read_tmpfs(step);
  if (kind == "proc") return ProcStep{step.text("target"), step.text("hidepid")};
  if (kind == "mqueue") return MqueueStep{step.text("target"), step.flag("optional")};
  if (kind == "devpts") return DevptsStep{step.text("target")};
  if (kind == "mkdir") return MkdirStep{step.text("target"), step.number("mode", kLastMode)};
  if (kind == "socket") return SocketStep{step.text("target"), step.number("uid", kLastId)};
  if (kind == "hide") return HideStep{step.text("target"), step.flag("optional")};
  if (kind == "overlay") {
    return OverlayStep{step.text("target"), step.texts("layers"), step.texts("below"), step.texts("hidden")};
  }
  if (kind == "bind") 
    return BindStep{step.text("source"), step.text("target"), step.flag("readonly"), step.flag("create"), step.flag("optional")};
  if (kind == "readonly") return ReadonlyStep{step.text("target"), step.flag("optional")};
  if (kind == "keep") return KeepStep{step.text("target")};
  fail("plan", step.at("kind"), EINVAL, "expected tmpfs, proc, mqueue, devpts, mkdir, socket, hide, overlay, bind, readonly or keep");
}

}  // namespace

std::string to_text(const Napi::Value& value, const std::string& where) { return read_text(value, "arguments", where); }

std::vector<std::string> to_texts(const Napi::Value& value, const std::string& where) {
  return read_texts(value, "arguments", where);
}

std::vector<int> to_fds(const Napi::Value& value, const std::string& where) {
  if (!value.IsArray()) fail("arguments", where, EINVAL, "expected an array of descriptors");
  const auto array = value.As<Napi::Array>();
  std::vector<int> fds;
  for (uint32_t i = 0; i < array.Length(); i++) fds.push_back(static_cast<int>(to_integer(array.Get(i), 0, INT32_MAX, where)));
  return fds;
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

}  // namespace guestns
