// JavaScript values to plain structs and back. Shapes are typed in src/backend/npu/addon.ts; what a caller could get
// wrong without the compiler noticing is checked here.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "acl_api.h"
#include "commands.h"
#include "device_thread.h"

[[noreturn]] void throw_unexpected(const char* expected, const char* name, const Napi::Value& value);
size_t to_size(const Napi::Value& value, const char* name);
std::string to_text(const Napi::Value& value, const char* name);
Napi::Object to_object(const Napi::Value& value, const char* name);
Napi::Array to_array(const Napi::Value& value, const char* name);
LibraryChoice to_library_choice(const Napi::Object& options);
DeviceOptions to_device_options(const Napi::Object& options);

Napi::Value specs_to_js(Napi::Env env, const std::vector<TensorSpec>& specs);
Napi::Value downloads_to_js(Napi::Env env, const Downloads& downloads);
