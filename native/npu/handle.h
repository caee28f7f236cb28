// What all objects that JavaScript holds have in common: each names something that lives on a device's thread, and gives it
// back when it is closed or collected.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "async_call.h"
#include "device_thread.h"

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

/** For collected objects: gives something back without telling anyone. */
template <typename Work>
void release_quietly(const HandleTarget& target, Work work) {
  if (target.thread == nullptr) return;  // the constructor threw
  const auto run = [thread = target.thread, work] {
    try {
      thread->release(work);
    } catch (const Failure&) {
      // The device keeps note of it and is reset when it closes.
    }
  };
  target.thread->post({.run = run, .give_up = {}});
}

template <typename Work>
Napi::Value close_object(Napi::Env env, const HandleTarget& target, Work work) {
  const auto closing = [thread = target.thread, work] { return thread->release(work), Done{}; };
  if (const auto promise = try_run_on(env, *target.thread, closing, undefined)) return *promise;
  const Napi::Promise::Deferred gone_with_its_device(env);
  gone_with_its_device.Resolve(env.Undefined());
  return gone_with_its_device.Promise();
}
