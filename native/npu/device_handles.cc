#include "device_handles.h"

#include <string>
#include <utility>

#include "buffer_handles.h"
#include "js_commands.h"
#include "js_values.h"

namespace {

Napi::PropertyDescriptor constant(const char* name, const Napi::Value& value) {
  return Napi::PropertyDescriptor::Value(name, value, napi_enumerable);
}

}  // namespace

Napi::Function ModelObject::define(Napi::Env env) {
  return DefineClass(
      env, "NativeModel",
      {InstanceMethod<&ModelObject::create_binding>("createBinding"), InstanceMethod<&ModelObject::close>("close")});
}

ModelObject::~ModelObject() {
  release_quietly(target(), [id = target().id](Device& device) { device.release_model(id); });
}

Napi::Value ModelObject::create_binding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promise_of(env, [&] {
    const auto& thread = target().thread;
    auto work = [thread, model = target().id, inputs = to_slices(info[0], thread.get()),
                 outputs = to_slices(info[1], thread.get())] {
      return thread->use([&](Device& device) { return device.create_binding(model, inputs, outputs); });
    };
    return run_on(env, *thread, std::move(work), [thread](Napi::Env env, ObjectId id) -> Napi::Value {
      return BindingObject::make(env, EnvState::of(env).binding_constructor, {thread, id});
    });
  });
}

Napi::Value ModelObject::close(const Napi::CallbackInfo& info) {
  return close_object(info.Env(), target(), [id = target().id](Device& device) { device.close_model(id); });
}

Napi::Function DeviceObject::define(Napi::Env env) {
  return DefineClass(
      env, "NativeDevice",
      {InstanceMethod<&DeviceObject::memory_info>("memoryInfo"), InstanceMethod<&DeviceObject::allocate>("allocate"),
       InstanceMethod<&DeviceObject::model_sizes>("modelSizes"), InstanceMethod<&DeviceObject::load_model>("loadModel"),
       InstanceMethod<&DeviceObject::submit>("submit"), InstanceMethod<&DeviceObject::close>("close")});
}

Napi::Value DeviceObject::memory_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promise_of(env, [&] {
    const auto work = [thread = target().thread] {
      return thread->use([](Device& device) { return device.memory_info(); });
    };
    return run_on(env, *target().thread, work, [](Napi::Env env, MemoryInfo memory) -> Napi::Value {
      Napi::Object object = Napi::Object::New(env);
      object.Set("freeBytes", static_cast<double>(memory.free_bytes));
      object.Set("totalBytes", static_cast<double>(memory.total_bytes));
      return object;
    });
  });
}

Napi::Value DeviceObject::allocate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promise_of(env, [&] {
    const auto& thread = target().thread;
    const size_t size_bytes = to_size(info[0], "sizeBytes");
    const auto work = [thread, size_bytes] {
      return thread->use([&](Device& device) { return device.allocate(size_bytes); });
    };
    return run_on(env, *thread, work, [thread, size_bytes](Napi::Env env, ObjectId id) -> Napi::Value {
      Napi::Object buffer = BufferObject::make(env, EnvState::of(env).buffer_constructor, {thread, id});
      buffer.DefineProperty(constant("sizeBytes", Napi::Number::New(env, static_cast<double>(size_bytes))));
      return buffer;
    });
  });
}

Napi::Value DeviceObject::model_sizes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promise_of(env, [&] {
    const auto& thread = target().thread;
    const auto work = [thread, path = to_text(info[0], "path")] {
      return thread->use([&](Device&) { return query_model_sizes(path); });
    };
    return run_on(env, *thread, work, [](Napi::Env env, ModelSizes sizes) -> Napi::Value {
      Napi::Object object = Napi::Object::New(env);
      object.Set("workBytes", static_cast<double>(sizes.work_bytes));
      object.Set("weightBytes", static_cast<double>(sizes.weight_bytes));
      return object;
    });
  });
}

Napi::Value DeviceObject::load_model(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promise_of(env, [&] {
    const auto& thread = target().thread;
    auto work = [thread, path = to_text(info[0], "path"),
                 options = to_model_options(to_object(info[1], "options"), thread.get())] {
      return thread->use([&](Device& device) { return device.load_model(path, options); });
    };
    return run_on(env, *thread, std::move(work), [thread](Napi::Env env, const LoadedModel& loaded) -> Napi::Value {
      Napi::Object model = ModelObject::make(env, EnvState::of(env).model_constructor, {thread, loaded.id});
      model.DefineProperties(
          {constant("inputs", specs_to_js(env, loaded.inputs)), constant("outputs", specs_to_js(env, loaded.outputs))});
      return model;
    });
  });
}

Napi::Value DeviceObject::submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promise_of(env, [&] {
    const auto& thread = target().thread;
    auto work = [thread, commands = to_commands(info[0], thread.get())] {
      return thread->use([&](Device& device) { return device.submit(commands); });
    };
    return run_on(env, *thread, std::move(work),
                  [](Napi::Env env, const Downloads& downloads) { return downloads_to_js(env, downloads); });
  });
}

Napi::Value DeviceObject::close(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promise_of(env, [&] {
    const auto limit = info[0].IsUndefined() ? target().thread->close_limit()
                                             : std::chrono::milliseconds(to_size(info[0], "limitMs"));
    target().thread->request_close();
    // A device that hangs must not hang who closes it: the wait is bounded, and not on the device's thread.
    const auto work = [thread = target().thread->weak_from_this(), limit] {
      const auto alive = thread.lock();
      if (alive && !alive->wait_closed(limit)) {
        const Failure failure("NPU_TIMEOUT", "the device did not close in time",
                              "Its memory is free again when this process ends.");
        alive->give_up(failure);
        throw failure;
      }
      return Done{};
    };
    return run_apart(env, work, undefined);
  });
}
