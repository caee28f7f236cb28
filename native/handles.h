// The objects that JavaScript holds: each names something that lives on a device's thread, and gives it back when it is
// closed or collected.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "commands.h"
#include "device_thread.h"
#include "env_state.h"

/** What an object stands for; `thread` is one of the device's users. */
struct HandleTarget {
  std::shared_ptr<DeviceThread> thread;
  ObjectId id = 0;
};

/** Common part: made by the addon alone, recognised by a type tag. */
template <typename Self>
class Handle : public Napi::ObjectWrap<Self> {
 public:
  explicit Handle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Self>(info) {
    const auto target = info[0].As<Napi::External<HandleTarget>>();
    if (!info[0].IsExternal() || !target.CheckTypeTag(&Self::kTag)) {
      throw Napi::TypeError::New(info.Env(), "only the addon makes such objects");
    }
    target_ = *target.Data();
    info.This().template As<Napi::Object>().TypeTag(&Self::kTag);
  }

  static Napi::Object make(Napi::Env env, const Napi::FunctionReference& constructor, HandleTarget target) {
    const auto external = Napi::External<HandleTarget>::New(env, &target);
    external.TypeTag(&Self::kTag);
    return constructor.New({external});
  }

  /** The id behind a JavaScript value; throws when it is none of `owner`'s. */
  static ObjectId id_of(const Napi::Value& value, const DeviceThread* owner) {
    if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&Self::kTag)) {
      throw argument_failure(std::string("expected a ") + Self::kName);
    }
    const Self* self = Napi::ObjectWrap<Self>::Unwrap(value.As<Napi::Object>());
    if (self->target().thread.get() != owner) {
      throw argument_failure(std::string("expected a ") + Self::kName + " of the same device");
    }
    return self->target().id;
  }

  const HandleTarget& target() const { return target_; }

 private:
  HandleTarget target_;
};

class BufferObject : public Handle<BufferObject> {
 public:
  static constexpr napi_type_tag kTag{0x2f4a9c1e77b84d10, 0x9b60d5f3a1c24e01};
  static constexpr const char* kName = "buffer";
  static Napi::Function define(Napi::Env env);
  using Handle::Handle;
  ~BufferObject() override;

 private:
  Napi::Value close(const Napi::CallbackInfo& info);
};

class BindingObject : public Handle<BindingObject> {
 public:
  static constexpr napi_type_tag kTag{0x2f4a9c1e77b84d10, 0x9b60d5f3a1c24e02};
  static constexpr const char* kName = "binding";
  static Napi::Function define(Napi::Env env);
  using Handle::Handle;
  ~BindingObject() override;

 private:
  Napi::Value close(const Napi::CallbackInfo& info);
};

class ModelObject : public Handle<ModelObject> {
 public:
  static constexpr napi_type_tag kTag{0x2f4a9c1e77b84d10, 0x9b60d5f3a1c24e03};
  static constexpr const char* kName = "model";
  static Napi::Function define(Napi::Env env);
  using Handle::Handle;
  ~ModelObject() override;

 private:
  Napi::Value create_binding(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
};

class DeviceObject : public Handle<DeviceObject> {
 public:
  static constexpr napi_type_tag kTag{0x2f4a9c1e77b84d10, 0x9b60d5f3a1c24e04};
  static constexpr const char* kName = "device";
  static Napi::Function define(Napi::Env env);
  using Handle::Handle;

 private:
  Napi::Value memory_info(const Napi::CallbackInfo& info);
  Napi::Value allocate(const Napi::CallbackInfo& info);
  Napi::Value model_sizes(const Napi::CallbackInfo& info);
  Napi::Value load_model(const Napi::CallbackInfo& info);
  Napi::Value submit(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
};

/** Runs a method that starts asynchronous work: what it throws rejects the promise. */
template <typename Method>
Napi::Value promise_of(Napi::Env env, Method method) {
  try {
    return method();
  } catch (const Napi::Error&) {
    throw;  // JavaScript's own, from a getter of an argument
  } catch (const std::exception&) {
    const Napi::Promise::Deferred refused(env);
    refused.Reject(EnvState::of(env).error_to_js(env, std::current_exception()));
    return refused.Promise();
  }
}
