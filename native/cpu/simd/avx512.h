// The level of AVX-512 with products of bytes (VNNI), and of bfloat16 where the processor has them too.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace WHISPER_CPU_LEVEL {

using Floats = __m512;
/** Sixteen integers of 32 bits; __m512i would be eight of 64, which costs GCC a copy at every use. */
using Integers = int32_t __attribute__((vector_size(64)));

inline constexpr size_t register_count = 32;
/** Rows of a tile, whose accumulators stay in registers: 12 times 2 of the 32, beside those of columns. */
inline constexpr size_t tile_rows = 12;

inline Floats load(const float* from) { return _mm512_loadu_ps(from); }
inline Integers load(const int32_t* from) { return Integers(_mm512_loadu_si512(from)); }
inline void store(float* to, Floats values) { _mm512_storeu_ps(to, values); }
inline Floats broadcast(float value) { return _mm512_set1_ps(value); }
inline Integers broadcast(int32_t value) { return Integers(_mm512_set1_epi32(value)); }

/** a * b + c */
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
/** `b` where one of them is NaN. */
inline Floats maximum(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Integers maximum(Integers a, Integers b) { return Integers(_mm512_max_epi32(__m512i(a), __m512i(b))); }

inline float sum_of(Floats values) { return _mm512_reduce_add_ps(values); }
inline int32_t sum_of(Integers values) { return _mm512_reduce_add_epi32(__m512i(values)); }
inline float maximum_of(Floats values) { return _mm512_reduce_max_ps(values); }
inline int32_t maximum_of(Integers values) { return _mm512_reduce_max_epi32(__m512i(values)); }

inline Floats to_floats(Integers values) { return _mm512_cvtepi32_ps(__m512i(values)); }
/** To the nearest, of two to the even one. */
inline Integers to_integers(Floats values) { return Integers(_mm512_cvtps_epi32(values)); }
inline Floats round(Floats values) {
  return _mm512_roundscale_ps(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/** values * 2^exponents, for whole exponents from -126 to 127. */
inline Floats scale_by_power_of_2(Floats values, Floats exponents) { return _mm512_scalef_ps(values, exponents); }

/** Each value `stride` floats behind the one before. */
inline void store_strided(float* to, size_t stride, Floats values) {
  const __m512i steps = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i offsets = _mm512_mullo_epi32(steps, _mm512_set1_epi32(static_cast<int32_t>(stride)));
  _mm512_i32scatter_ps(to, offsets, values, sizeof(float));
}

inline Integers load_bytes(const int8_t* from) {
  return Integers(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}
/** What is beyond a byte becomes the nearest one; returns what was stored. */
inline Integers store_bytes(int8_t* to, Integers values) {
  const __m128i bytes = _mm512_cvtsepi32_epi8(__m512i(values));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  return Integers(_mm512_cvtepi8_epi32(bytes));
}

inline Floats load_float16(const uint16_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline void store_float16(uint16_t* to, Floats values) {
  const __m256i halves = _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), halves);
}

/** Adds products of bytes, four to a lane: `weights`, whose zero point is 128, and `values` are 64 bytes each. */
inline Integers add_byte_products(Integers sum, const uint8_t* weights, const int8_t* values) {
  return Integers(_mm512_dpbusd_epi32(__m512i(sum), _mm512_loadu_si512(weights), _mm512_loadu_si512(values)));
}
inline constexpr int32_t block_weight_zero_point = 128;

/** Four int8 of a row by four of a column that are stored with a zero point of 128, added in integers: see product.h. */
struct Int8 {
  using Element = int8_t;
  using Sum = Integers;
  static constexpr int32_t weight_zero_point = 128;
  static Element from_weight(int8_t weight) { return static_cast<int8_t>(weight ^ 0x80); }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
    return Sum(_mm512_dpbusd_epi32(__m512i(sum), __m512i(columns), _mm512_set1_epi32(row)));
  }
};

/** Without bfloat16 attention is in float32. */
using Int16 = void;

/** Pairs of bfloat16, added in floats: see product.h. */
struct BFloat16 {
  using Element = uint16_t;
  using Sum = Floats;

  /** Rounds to the nearest. */
  static uint16_t from_float(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum add(Sum sum, Integers columns, int32_t row) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(__m512i(columns)),
                            reinterpret_cast<__m512bh>(_mm512_set1_epi32(row)));
  }

  static __m256i from_floats(Floats values) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)); }
  static void put_row(uint16_t* to, Floats values) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), from_floats(values));
  }
  static void put_column(uint16_t* to, size_t panel_columns, Floats values) {
    const __m256i steps = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    const __m256i offsets = _mm256_mullo_epi32(steps, _mm256_set1_epi32(static_cast<int32_t>(panel_columns)));
    _mm256_i32scatter_epi32(reinterpret_cast<int*>(to), offsets, from_floats(values), sizeof(int32_t));
  }
  /** Writes half of each lane: the other half belongs to the neighbouring input. */
  static void put_input(uint16_t* lane, size_t input, Floats values) {
    const __m512i low = _mm512_cvtepu16_epi32(from_floats(values));
    const bool is_odd = input % 2 != 0;
    const __m512i halves = is_odd ? _mm512_slli_epi32(low, 16) : low;
    _mm512_mask_storeu_epi16(lane, is_odd ? 0xaaaaaaaaU : 0x55555555U, halves);
  }
};

}  // namespace WHISPER_CPU_LEVEL
