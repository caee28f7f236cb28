// What JavaScript asks of a device: commands over slices of its buffers, and how a model is loaded.
#pragma once

#include <napi.h>

#include <vector>

#include "commands.h"
#include "device_thread.h"

/** `owner`: the device that every buffer and binding named must live on. */
SliceRef to_slice(const Napi::Value& value, const DeviceThread* owner);
std::vector<SliceRef> to_slices(const Napi::Value& value, const DeviceThread* owner);
ModelOptions to_model_options(const Napi::Object& options, const DeviceThread* owner);
std::vector<Command> to_commands(const Napi::Value& value, const DeviceThread* owner);
