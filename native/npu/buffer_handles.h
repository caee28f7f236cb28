// The objects of JavaScript that stand for a device's memory and for what a model's inputs and outputs are bound to.
#pragma once

#include "handle.h"

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
