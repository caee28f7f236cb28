// The level of AVX2 with FMA and F16C.
#pragma once

#include "avx2_vectors.h"

namespace WHISPER_CPU_LEVEL {

/** Adds products of bytes, four to a lane: `weights`, whose zero point is 128, and `values` are 32 bytes each. */
inline Integers add_byte_products(Integers sum, const uint8_t* weights, const int8_t* values) {
  // In 16 bits, because the instruction for bytes, maddubs, saturates there.
  for (size_t half = 0; half < 32; half += 16) {
    const __m256i wide_weights = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + half)));
    const __m256i wide_values = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values + half)));
    sum += Integers(_mm256_madd_epi16(wide_weights, wide_values));
  }
  return sum;
}
inline constexpr int32_t block_weight_zero_point = 128;

/** Pairs of int16 of a row by pairs of a column: see product.h. */
struct Int16 {
  using Element = int16_t;
  using Sum = Integers;
  static void put(int16_t* to, Integers values) { store_int16(to, values); }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
    return sum + Integers(_mm256_madd_epi16(__m256i(columns), _mm256_set1_epi32(row)));
  }
};

/** Bytes are kept in 16 bits, so that nothing is widened while products are added. */
struct Int8 : Int16 {
  static constexpr int32_t weight_zero_point = 0;
  static Element from_weight(int8_t weight) { return weight; }
};

}  // namespace WHISPER_CPU_LEVEL
