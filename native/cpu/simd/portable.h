// The level of any processor.
#pragma once

#include "portable_vectors.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace WHISPER_CPU_LEVEL {

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

/** Adds products of bytes, four to a lane: `weights`, whose zero point is 128, and `values` are 16 bytes each. */
inline Integers add_byte_products(Integers sum, const uint8_t* weights, const int8_t* values) {
  const auto four_weights = load_vector<Integers>(weights);
  const auto four_values = load_vector<Integers>(values);
  sum += (four_weights & 0xff) * (four_values << 24 >> 24);
  sum += (four_weights >> 8 & 0xff) * (four_values << 16 >> 24);
  sum += (four_weights >> 16 & 0xff) * (four_values << 8 >> 24);
  sum += (four_weights >> 24 & 0xff) * (four_values >> 24);
  return sum;
}
inline constexpr int32_t block_weight_zero_point = 128;

/** Pairs of int16 of a row by pairs of a column: see product.h. */
struct Int16Products {
  using Element = int16_t;
  using Sum = Integers;
  static void put(int16_t* to, Integers values) { store_int16(to, values); }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
#ifdef __SSE2__
    return sum + Integers(_mm_madd_epi16(__m128i(columns), _mm_set1_epi32(row)));
#else
    return sum + (columns << 16 >> 16) * (row << 16 >> 16) + (columns >> 16) * (row >> 16);
#endif
  }
};

/** Bytes are kept in 16 bits, so that nothing is widened while products are added. */
struct Int8 : Int16Products {
  static constexpr int32_t weight_zero_point = 0;
  static Element from_weight(int8_t weight) { return weight; }
};

#ifdef __SSE2__
using Int16 = Int16Products;
#else
/** They are not faster than floats. */
using Int16 = void;
#endif

}  // namespace WHISPER_CPU_LEVEL
