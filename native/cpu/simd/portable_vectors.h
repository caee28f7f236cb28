// Vectors for any processor: those of the compiler's own, as wide as its target's registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace WHISPER_CPU_LEVEL {

inline constexpr size_t vector_bytes = 16;

using Floats = float __attribute__((vector_size(vector_bytes)));
using Integers = int32_t __attribute__((vector_size(vector_bytes)));

#ifdef __aarch64__
inline constexpr size_t register_count = 32;
/** Rows of a tile, whose accumulators stay in registers: 12 times 2 of the 32, beside those of columns and rows. */
inline constexpr size_t tile_rows = 12;
#else
inline constexpr size_t register_count = 16;
/** Rows of a tile, whose accumulators stay in registers: 6 times 2 of the 16, beside columns, a row and a product. */
inline constexpr size_t tile_rows = 6;
#endif

template <typename Vector, typename Element>
inline Vector load_vector(const Element* from) {
  Vector values;
  std::memcpy(&values, from, sizeof values);
  return values;
}
inline Floats load(const float* from) { return load_vector<Floats>(from); }
inline Integers load(const int32_t* from) { return load_vector<Integers>(from); }
inline void store(float* to, Floats values) { std::memcpy(to, &values, sizeof values); }
inline Floats broadcast(float value) { return Floats{value, value, value, value}; }
inline Integers broadcast(int32_t value) { return Integers{value, value, value, value}; }

/** a * b + c */
inline Floats multiply_add(Floats a, Floats b, Floats c) { return a * b + c; }
/** `b` where one of them is NaN. */
inline Floats maximum(Floats a, Floats b) { return a > b ? a : b; }
inline Integers maximum(Integers a, Integers b) { return a > b ? a : b; }

inline float sum_of(Floats values) { return (values[0] + values[2]) + (values[1] + values[3]); }
inline int32_t sum_of(Integers values) { return (values[0] + values[2]) + (values[1] + values[3]); }
template <typename Vector>
inline auto maximum_of(Vector values) {
  auto largest = values[0];
  for (size_t lane = 1; lane < 4; ++lane) largest = largest > values[lane] ? largest : values[lane];
  return largest;
}

/** Adding it to a float below 2^22 rounds that to an integer, because no bits are left for the fraction. */
inline constexpr float rounding_float = 0x1.8p23F;
inline constexpr int32_t rounding_float_bits = 0x4b400000;

inline Floats to_floats(Integers values) { return __builtin_convertvector(values, Floats); }
/** To the nearest, of two to the even one; for magnitudes below 2^22. */
inline Integers to_integers(Floats values) { return Integers(values + rounding_float) - rounding_float_bits; }
/** For magnitudes below 2^22. */
inline Floats round(Floats values) { return (values + rounding_float) - rounding_float; }
/** values * 2^exponents, for whole exponents from -126 to 127. */
inline Floats scale_by_power_of_2(Floats values, Floats exponents) {
  return values * Floats((to_integers(exponents) + 127) << 23);
}

/** Each value `stride` floats behind the one before. */
inline void store_strided(float* to, size_t stride, Floats values) {
  for (size_t lane = 0; lane < 4; ++lane) to[lane * stride] = values[lane];
}

inline Integers load_bytes(const int8_t* from) {
  using Bytes = int8_t __attribute__((vector_size(vector_bytes / 4)));
  return __builtin_convertvector(load_vector<Bytes>(from), Integers);
}
/** In 8 or 16 bits each. What is beyond a byte becomes the nearest one; returns what was stored. */
template <typename Element>
inline Integers store_bytes(Element* to, Integers values) {
  const Integers at_least = maximum(values, broadcast(-128));
  const Integers bytes = at_least < 127 ? at_least : broadcast(127);
  for (size_t lane = 0; lane < 4; ++lane) to[lane] = static_cast<Element>(bytes[lane]);
  return bytes;
}

/** What is beyond 16 bits becomes the nearest that is not. */
inline void store_int16(int16_t* to, Integers values) {
  const Integers at_least = maximum(values, broadcast(INT16_MIN));
  const Integers shorts = at_least < INT16_MAX ? at_least : broadcast(INT16_MAX);
  for (size_t lane = 0; lane < 4; ++lane) to[lane] = static_cast<int16_t>(shorts[lane]);
}

/** This level has no products of bfloat16. */
using BFloat16 = void;

}  // namespace WHISPER_CPU_LEVEL
