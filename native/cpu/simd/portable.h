// The level of any processor: vectors of the compiler's own, as wide as its target's registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace WHISPER_CPU_LEVEL {

inline constexpr size_t vector_bytes = 16;

using Floats = float __attribute__((vector_size(vector_bytes)));
using Integers = int32_t __attribute__((vector_size(vector_bytes)));

#ifdef __aarch64__
inline constexpr size_t register_count = 32;
/** As many rows as have their sums in registers: 12 times 2 of the 32, the columns' and rows'. */
inline constexpr size_t tile_rows = 12;
#else
inline constexpr size_t register_count = 16;
/** As many rows as have their sums in registers: 6 times 2 of the 16, the columns', a row's and a product. */
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

/** Added to a float below 2^22, it leaves no room for what is behind the point. */
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

/** What a float has more in its exponent than a float16. */
inline constexpr float exponent_difference = 0x1p112F;

inline Floats load_float16(const uint16_t* from) {
  using Shorts = uint16_t __attribute__((vector_size(vector_bytes / 2)));
  const Integers bits = __builtin_convertvector(load_vector<Shorts>(from), Integers);
  const Floats magnitude = Floats((bits & 0x7fff) << 13) * exponent_difference;
  return Floats(Integers(magnitude) | (bits & 0x8000) << 16);
}
/** Of values that float16 holds without loss; of others it is another value. */
inline void store_float16(uint16_t* to, Floats values) {
  const Integers bits = Integers(values);
  const Integers magnitude = Integers(Floats(bits & 0x7fffffff) * (1 / exponent_difference)) >> 13 & 0x7fff;
  const Integers halves = magnitude | (bits >> 16 & 0x8000);
  for (size_t lane = 0; lane < 4; ++lane) to[lane] = static_cast<uint16_t>(halves[lane]);
}

/** Adds products of bytes, four to a lane: `weights` and `values` are 16 bytes each. */
inline Integers add_byte_products(Integers sum, const uint8_t* weights, const int8_t* values) {
  const auto four_weights = load_vector<Integers>(weights);
  const auto four_values = load_vector<Integers>(values);
  sum += (four_weights & 0xff) * (four_values << 24 >> 24);
  sum += (four_weights >> 8 & 0xff) * (four_values << 16 >> 24);
  sum += (four_weights >> 16 & 0xff) * (four_values << 8 >> 24);
  sum += (four_weights >> 24 & 0xff) * (four_values >> 24);
  return sum;
}

/** Two bytes of a row by two of a column, kept in 16 bits so that nothing is widened while products are added. */
struct Int8 {
  using Element = int16_t;
  using Sum = Integers;
  static constexpr int32_t weight_offset = 0;
  static Element from_weight(int8_t weight) { return weight; }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
#ifdef __SSE2__
    return sum + Integers(_mm_madd_epi16(__m128i(columns), _mm_set1_epi32(row)));
#else
    return sum + (columns << 16 >> 16) * (row << 16 >> 16) + (columns >> 16) * (row >> 16);
#endif
  }
};

/** There are no products of them. */
using BFloat16 = void;

}  // namespace WHISPER_CPU_LEVEL
