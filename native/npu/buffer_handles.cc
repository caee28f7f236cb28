#include "buffer_handles.h"

Napi::Function BufferObject::define(Napi::Env env) {
  return DefineClass(env, "NativeBuffer", {InstanceMethod<&BufferObject::close>("close")});
}

BufferObject::~BufferObject() {
  release_quietly(target(), [id = target().id](Device& device) { device.close_buffer(id); });
}

Napi::Value BufferObject::close(const Napi::CallbackInfo& info) {
  return close_object(info.Env(), target(), [id = target().id](Device& device) { device.close_buffer(id); });
}

Napi::Function BindingObject::define(Napi::Env env) {
  return DefineClass(env, "NativeBinding", {InstanceMethod<&BindingObject::close>("close")});
}

BindingObject::~BindingObject() {
  release_quietly(target(), [id = target().id](Device& device) { device.close_binding(id); });
}

Napi::Value BindingObject::close(const Napi::CallbackInfo& info) {
  return close_object(info.Env(), target(), [id = target().id](Device& device) { device.close_binding(id); });
}
