// The objects of JavaScript that stand for a device and for a model on it.
#pragma once

#include "handle.h"

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
