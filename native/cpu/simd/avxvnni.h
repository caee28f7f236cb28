// The level of AVX2 with products of bytes and of 16-bit integers (AVX-VNNI), as processors without AVX-512 have them.
#pragma once

#include "avx2_vectors.h"

namespace WHISPER_CPU_LEVEL {

/** Adds products of bytes, four to a lane: `weights`, whose zero point is 128, and `values` are 32 bytes each. */
inline Integers add_byte_products(Integers sum, const uint8_t* weights, const int8_t* values) {
  return Integers(_mm256_dpbusd_avx_epi32(__m256i(sum), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights)),
                                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values))));
}
inline constexpr int32_t block_weight_zero_point = 128;

/** Pairs of int16 of a row by pairs of a column: see product.h. */
struct Int16 {
  using Element = int16_t;
  using Sum = Integers;
  static void put(int16_t* to, Integers values) { store_int16(to, values); }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
    return Sum(_mm256_dpwssd_avx_epi32(__m256i(sum), __m256i(columns), _mm256_set1_epi32(row)));
  }
};

/** Four int8 of a row by four of a column that are stored with a zero point of 128. */
struct Int8 {
  using Element = int8_t;
  using Sum = Integers;
  static constexpr int32_t weight_zero_point = 128;
  static Element from_weight(int8_t weight) { return static_cast<int8_t>(weight ^ 0x80); }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
    return Sum(_mm256_dpbusd_avx_epi32(__m256i(sum), __m256i(columns), _mm256_set1_epi32(row)));
  }
};

}  // namespace WHISPER_CPU_LEVEL
