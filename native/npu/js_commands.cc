#include "js_commands.h"

#include <limits>
#include <optional>
#include <string>

#include "buffer_handles.h"
#include "js_values.h"

namespace {

std::vector<std::byte> to_bytes(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray()) throw_unexpected("a typed array", name, value);
  const auto array = value.As<Napi::TypedArray>();
  const auto* data = static_cast<const std::byte*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  // Copied: JavaScript may change or detach the memory while the device's thread reads it.
  return {data, data + array.ByteLength()};
}

std::vector<Rebind> to_rebinds(const Napi::Value& value, const DeviceThread* owner) {
  std::vector<Rebind> rebinds;
  if (value.IsUndefined()) return rebinds;
  const Napi::Array array = to_array(value, "rebind");
  for (uint32_t index = 0; index < array.Length(); ++index) {
    const Napi::Object rebind = to_object(array[index], "rebind");
    const std::string side = to_text(rebind.Get("side"), "side");
    if (side != "input" && side != "output") throw_unexpected("input or output", "side", rebind.Get("side"));
    rebinds.push_back({.side = side == "input" ? Side::input : Side::output,
                       .index = to_size(rebind.Get("index"), "index"),
                       .slice = to_slice(rebind.Get("slice"), owner)});
  }
  return rebinds;
}

RunMode to_run_mode(const Napi::Value& value) {
  const std::string mode = to_text(value, "mode");
  if (mode != "sync" && mode != "async") throw_unexpected("sync or async", "mode", value);
  return mode == "sync" ? RunMode::sync : RunMode::async;
}

std::optional<ObjectId> to_buffer(const Napi::Value& value, const DeviceThread* owner) {
  if (value.IsUndefined()) return std::nullopt;
  return BufferObject::id_of(value, owner);
}

Command to_command(const Napi::Object& command, const DeviceThread* owner) {
  const std::string kind = to_text(command.Get("kind"), "kind");
  if (kind == "execute") {
    return ExecuteCommand{.binding = BindingObject::id_of(command.Get("binding"), owner),
                          .rebinds = to_rebinds(command.Get("rebind"), owner)};
  }
  if (kind == "upload") {
    return UploadCommand{.to = to_slice(command.Get("to"), owner), .data = to_bytes(command.Get("data"), "data")};
  }
  if (kind == "uploadFile") {
    return UploadFileCommand{.to = to_slice(command.Get("to"), owner),
                             .path = to_text(command.Get("path"), "path"),
                             .file_offset = to_size(command.Get("fileOffset"), "fileOffset")};
  }
  if (kind == "download") return DownloadCommand{.from = to_slice(command.Get("from"), owner)};
  if (kind == "copy") {
    return CopyCommand{.from = to_slice(command.Get("from"), owner), .to = to_slice(command.Get("to"), owner)};
  }
  if (kind == "fill") {
    const size_t value = to_size(command.Get("value"), "value");
    if (value > std::numeric_limits<uint8_t>::max()) throw_unexpected("a byte", "value", command.Get("value"));
    return FillCommand{.to = to_slice(command.Get("to"), owner), .value = static_cast<uint8_t>(value)};
  }
  throw_unexpected("a command", "kind", command.Get("kind"));
}

}  // namespace

SliceRef to_slice(const Napi::Value& value, const DeviceThread* owner) {
  const Napi::Object slice = to_object(value, "a slice");
  return {.buffer = BufferObject::id_of(slice.Get("buffer"), owner),
          .offset = to_size(slice.Get("offset"), "offset"),
          .size_bytes = to_size(slice.Get("sizeBytes"), "sizeBytes")};
}

std::vector<SliceRef> to_slices(const Napi::Value& value, const DeviceThread* owner) {
  const Napi::Array array = to_array(value, "slices");
  std::vector<SliceRef> slices;
  for (uint32_t index = 0; index < array.Length(); ++index) slices.push_back(to_slice(array[index], owner));
  return slices;
}

ModelOptions to_model_options(const Napi::Object& options, const DeviceThread* owner) {
  ModelOptions result{.mode = to_run_mode(options.Get("mode")),
                      .work_buffer = to_buffer(options.Get("workBuffer"), owner),
                      .weight_buffer = to_buffer(options.Get("weightBuffer"), owner),
                      .external_weights = {}};
  if (options.Get("externalWeights").IsUndefined()) return result;
  const Napi::Array weights = to_array(options.Get("externalWeights"), "externalWeights");
  for (uint32_t index = 0; index < weights.Length(); ++index) {
    const Napi::Object weight = to_object(weights[index], "externalWeights");
    result.external_weights.push_back(
        {.file_name = to_text(weight.Get("fileName"), "fileName"), .slice = to_slice(weight.Get("slice"), owner)});
  }
  return result;
}

std::vector<Command> to_commands(const Napi::Value& value, const DeviceThread* owner) {
  const Napi::Array array = to_array(value, "commands");
  std::vector<Command> commands;
  commands.reserve(array.Length());
  for (uint32_t index = 0; index < array.Length(); ++index) {
    commands.push_back(to_command(to_object(array[index], "a command"), owner));
  }
  return commands;
}
