#include "js_values.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace {

std::vector<std::string> to_texts(const Napi::Value& value, const char* name) {
  std::vector<std::string> texts;
  if (value.IsUndefined()) return texts;
  const Napi::Array array = to_array(value, name);
  for (uint32_t index = 0; index < array.Length(); ++index) texts.push_back(to_text(array[index], name));
  return texts;
}

}  // namespace

void throw_unexpected(const char* expected, const char* name, const Napi::Value& value) {
  throw argument_failure(std::string("expected ") + expected + " for " + name + " but received " +
                         (value.IsSymbol() ? "a symbol" : value.ToString().Utf8Value()));
}

size_t to_size(const Napi::Value& value, const char* name) {
  constexpr double kLargestSafeInteger = 9007199254740991;
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= kLargestSafeInteger && std::floor(number) == number)) {
    throw_unexpected("a whole number", name, value);
  }
  return static_cast<size_t>(number);
}

std::string to_text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) throw_unexpected("a string", name, value);
  return value.As<Napi::String>();
}

Napi::Object to_object(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) throw_unexpected("an object", name, value);
  return value.As<Napi::Object>();
}

Napi::Array to_array(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw_unexpected("an array", name, value);
  return value.As<Napi::Array>();
}

LibraryChoice to_library_choice(const Napi::Object& options) {
  return {.libraries = to_texts(options.Get("libraries"), "libraries"),
          .search_directories = to_texts(options.Get("searchDirectories"), "searchDirectories")};
}

DeviceOptions to_device_options(const Napi::Object& options) {
  const auto to_int = [&](const char* name) {
    const Napi::Value value = options.Get(name);
    const size_t number = to_size(value, name);
    if (number > std::numeric_limits<int32_t>::max()) throw_unexpected("a 32-bit number", name, value);
    return static_cast<int32_t>(number);
  };
  return {.device_id = to_int("deviceId"), .sync_timeout_ms = to_int("syncTimeoutMs")};
}

Napi::Value specs_to_js(Napi::Env env, const std::vector<TensorSpec>& specs) {
  Napi::Array array = Napi::Array::New(env, specs.size());
  for (uint32_t index = 0; index < specs.size(); ++index) {
    const TensorSpec& spec = specs[index];
    Napi::Array dims = Napi::Array::New(env, spec.dims.size());
    for (uint32_t axis = 0; axis < spec.dims.size(); ++axis) dims[axis] = static_cast<double>(spec.dims[axis]);
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", spec.name);
    object.Set("dims", dims);
    object.Set("dtype", spec.dtype);
    object.Set("format", spec.format);
    object.Set("sizeBytes", static_cast<double>(spec.size_bytes));
    array[index] = object;
  }
  return array;
}

Napi::Value downloads_to_js(Napi::Env env, const Downloads& downloads) {
  Napi::Array array = Napi::Array::New(env, downloads.size());
  for (uint32_t index = 0; index < downloads.size(); ++index) {
    const std::vector<std::byte>& bytes = downloads[index];
    Napi::Uint8Array copy = Napi::Uint8Array::New(env, bytes.size());
    std::memcpy(copy.Data(), bytes.data(), bytes.size());
    array[index] = copy;
  }
  return array;
}
