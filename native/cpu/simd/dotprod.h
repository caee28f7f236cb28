// The level of arm64 with dot products of bytes (FEAT_DotProd); float16 is converted by instructions that all arm64 has.
#pragma once

#include <arm_neon.h>

#include "portable_vectors.h"

namespace WHISPER_CPU_LEVEL {

inline Floats load_float16(const uint16_t* from) {
  return Floats(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from))));
}
inline void store_float16(uint16_t* to, Floats values) {
  vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(float32x4_t(values))));
}

/** Adds products of bytes, four to a lane: `weights`, whose zero point of 128 is subtracted first, and `values` are 16 bytes each. */
inline Integers add_byte_products(Integers sum, const uint8_t* weights, const int8_t* values) {
  const int8x16_t signed_weights = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(weights), vdupq_n_u8(0x80)));
  return Integers(vdotq_s32(int32x4_t(sum), signed_weights, vld1q_s8(values)));
}
inline constexpr int32_t block_weight_zero_point = 0;

/** Products of 16-bit integers are not faster than those of floats. */
using Int16 = void;

/** Four int8 of a row by four of a column: see product.h. */
struct Int8 {
  using Element = int8_t;
  using Sum = Integers;
  static constexpr int32_t weight_zero_point = 0;
  static Element from_weight(int8_t weight) { return weight; }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
    const int8x16_t four_columns = vreinterpretq_s8_s32(int32x4_t(columns));
    return Sum(vdotq_s32(int32x4_t(sum), four_columns, vreinterpretq_s8_s32(vdupq_n_s32(row))));
  }
};

}  // namespace WHISPER_CPU_LEVEL
