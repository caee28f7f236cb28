// Conversions between JavaScript and C++ values, for all functions that the addon exports.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

/** The version of the exported interface, which src/backend/cpu/cpu-addon.ts checks. */
inline constexpr int32_t interface_version = 7;

/** Tells the wrapped objects of one class from those of another, and from those of other addons. */
template <typename T>
inline constexpr napi_type_tag tag_of{};

/** The pointer that a wrapped object owns; null once the object was freed. @throws std::invalid_argument for others */
template <typename T>
std::unique_ptr<T>& owner_of(const Napi::Value& value) {
  const auto external = value.As<Napi::External<std::unique_ptr<T>>>();
  if (!value.IsExternal() || !external.CheckTypeTag(&tag_of<T>)) throw std::invalid_argument("this is another thing");
  return *external.Data();
}

template <typename T>
T& held(const Napi::Value& value) {
  const std::unique_ptr<T>& owner = owner_of<T>(value);
  if (owner == nullptr) throw std::invalid_argument("this has been freed");
  return *owner;
}

template <typename T>
Napi::Value hold(Napi::Env env, std::unique_ptr<T> object) {
  using Owner = std::unique_ptr<T>;
  auto owner = std::make_unique<Owner>(std::move(object));
  const auto external =
      Napi::External<Owner>::New(env, owner.get(), [](Napi::Env, Owner* owned) { std::unique_ptr<Owner>{owned}; });
  owner.release();
  external.TypeTag(&tag_of<T>);
  return external;
}

inline size_t size_of(const Napi::Object& object, const char* name) {
  const int64_t value = object.Get(name).As<Napi::Number>().Int64Value();
  if (value < 0) throw std::out_of_range(std::string(name) + " is negative");
  return static_cast<size_t>(value);
}

inline void check_type(const Napi::Value& value, napi_typedarray_type type, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    throw std::invalid_argument(std::string(name) + " is an array of another type");
}

[[noreturn]] inline void fail(Napi::Env env, const char* code, const std::string& message) {
  auto error = Napi::Error::New(env, message);
  error.Set("code", code);
  throw error;
}

/** Gives failures that are not the model's a code by which they are known (src/backend/cpu/engine-failure.ts). */
template <auto function>
Napi::Value coded(const Napi::CallbackInfo& info) {
  try {
    if constexpr (std::is_void_v<decltype(function(info))>) {
      function(info);
      return info.Env().Undefined();
    } else {
      return function(info);
    }
  } catch (const std::bad_alloc&) {
    fail(info.Env(), "OUT_OF_MEMORY", "the memory is full");
  } catch (const std::system_error& error) {
    fail(info.Env(), "NO_THREAD", error.what());
  }
}

template <auto function>
void add(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<coded<function>>(exports.Env(), name));
}
