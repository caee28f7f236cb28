// JavaScript values to plain structs and back. Shapes are typed in src/backend/npu/addon.ts; what a caller could get
// wrong without the compiler noticing is checked here.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "acl_api.h"
#include "commands.h"
#include "device_thread.h"

size_t to_size(const Napi::Value& value, const char* name);
std::string to_text(const Napi::Value& value, const char* name);
Napi::Object to_object(const Napi::Value& value, const char* name);
LibraryChoice to_library_choice(const Napi::Object& options);
DeviceOptions to_device_options(const Napi::Object& options);

/** `owner`: the device that every buffer and binding named must live on. */
SliceRef to_slice(const Napi::Value& value, const DeviceThread* owner);
std::vector<SliceRef> to_slices(const Napi::Value& value, const DeviceThread* owner);
ModelOptions to_model_options(const Napi::Object& options, const DeviceThread* owner);
std::vector<Command> to_commands(const Napi::Value& value, const DeviceThread* owner);

Napi::Value specs_to_js(Napi::Env env, const std::vector<TensorSpec>& specs);
Napi::Value downloads_to_js(Napi::Env env, const Downloads& downloads);
