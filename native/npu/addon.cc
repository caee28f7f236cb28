#include <napi.h>

#include "async_call.h"
#include "buffer_handles.h"
#include "device_handles.h"
#include "js_values.h"
#include "probe.h"

namespace {

Napi::Value open_device(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  prepare_acl_environment();
  return promise_of(env, [&] {
    const Napi::Object options = to_object(info[0], "options");
    const DeviceOptions device_options = to_device_options(options);
    const std::shared_ptr<DeviceThread> thread = EnvState::of(env).start_thread();
    const auto work = [thread, device_options, libraries = to_library_choice(options)] {
      return thread->open(libraries, device_options);
    };
    return run_on(env, *thread, work, [thread](Napi::Env env, const std::string& soc_name) -> Napi::Value {
      Napi::Object device = DeviceObject::make(env, EnvState::of(env).device_constructor, {thread});
      device.DefineProperty(
          Napi::PropertyDescriptor::Value("socName", Napi::String::New(env, soc_name), napi_enumerable));
      return device;
    });
  });
}

Napi::Value libraries_to_js(Napi::Env env, const std::vector<LibraryAttempt>& attempts) {
  Napi::Array array = Napi::Array::New(env, attempts.size());
  for (uint32_t index = 0; index < attempts.size(); ++index) {
    const LibraryAttempt& attempt = attempts[index];
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", attempt.name);
    if (attempt.error.empty()) {
      object.Set("path", attempt.path);
    } else {
      object.Set("error", attempt.error);
    }
    array[index] = object;
  }
  return array;
}

Napi::Value probe_to_js(Napi::Env env, const Probe& probe) {
  Napi::Array missing = Napi::Array::New(env);
  for (const std::string& symbol : probe.libraries.missing_symbols) {
    missing.Set(missing.Length(), Napi::String::New(env, symbol));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("libraries", libraries_to_js(env, probe.libraries.attempts));
  object.Set("missingSymbols", missing);
  if (probe.api_version) object.Set("apiVersion", *probe.api_version);
  if (probe.cann_version) object.Set("cannVersion", *probe.cann_version);
  if (probe.driver_version) object.Set("driverVersion", *probe.driver_version);
  if (probe.soc_name) object.Set("socName", *probe.soc_name);
  if (probe.device_count) object.Set("deviceCount", *probe.device_count);
  if (probe.failure) object.Set("error", EnvState::of(env).error_to_js(env, *probe.failure));
  return object;
}

Napi::Value probe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  prepare_acl_environment();
  return promise_of(env, [&] {
    const std::shared_ptr<DeviceThread> thread = EnvState::of(env).start_thread();
    const auto work = [libraries = to_library_choice(to_object(info[0], "options"))] { return probe_acl(libraries); };
    return run_on(env, *thread, work, probe_to_js);
  });
}

void set_error_constructor(const Napi::CallbackInfo& info) {
  EnvState::of(info.Env()).error_constructor = Napi::Persistent(info[0].As<Napi::Function>());
}

void shut_down(const Napi::CallbackInfo& info) { EnvState::of(info.Env()).close_devices(); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto state = std::make_unique<EnvState>(env);
  state->device_constructor = Napi::Persistent(DeviceObject::define(env));
  state->buffer_constructor = Napi::Persistent(BufferObject::define(env));
  state->model_constructor = Napi::Persistent(ModelObject::define(env));
  state->binding_constructor = Napi::Persistent(BindingObject::define(env));
  env.SetInstanceData(state.release());

  exports.Set("setErrorConstructor", Napi::Function::New<set_error_constructor>(env, "setErrorConstructor"));
  exports.Set("openDevice", Napi::Function::New<open_device>(env, "openDevice"));
  exports.Set("probe", Napi::Function::New<probe>(env, "probe"));
  exports.Set("shutDown", Napi::Function::New<shut_down>(env, "shutDown"));
  return exports;
}

}  // namespace

NODE_API_MODULE(whisper_npu, init)
