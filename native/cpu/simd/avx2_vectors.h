// Vectors of AVX2 with FMA and F16C, of the levels that differ in how they multiply integers.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace WHISPER_CPU_LEVEL {

using Floats = __m256;
using Integers = int32_t __attribute__((vector_size(32)));

inline constexpr size_t register_count = 16;
/** Rows of a tile, whose accumulators stay in registers: 6 times 2 of the 16, beside two of columns and one of a row. */
inline constexpr size_t tile_rows = 6;

inline Floats load(const float* from) { return _mm256_loadu_ps(from); }
inline Integers load(const int32_t* from) {
  return Integers(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline void store(float* to, Floats values) { _mm256_storeu_ps(to, values); }
inline Floats broadcast(float value) { return _mm256_set1_ps(value); }
inline Integers broadcast(int32_t value) { return Integers(_mm256_set1_epi32(value)); }

/** a * b + c */
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
/** `b` where one of them is NaN. */
inline Floats maximum(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Integers maximum(Integers a, Integers b) { return Integers(_mm256_max_epi32(__m256i(a), __m256i(b))); }

inline float sum_of(Floats values) {
  const __m128 fours = _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
  const __m128 pairs = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}
inline float maximum_of(Floats values) {
  const __m128 fours = _mm_max_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
  const __m128 pairs = _mm_max_ps(fours, _mm_movehl_ps(fours, fours));
  return _mm_cvtss_f32(_mm_max_ss(pairs, _mm_movehdup_ps(pairs)));
}
inline int32_t sum_of(Integers values) {
  const __m256i all = __m256i(values);
  const __m128i fours = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  const __m128i pairs = _mm_add_epi32(fours, _mm_unpackhi_epi64(fours, fours));
  return _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 1)));
}
inline int32_t maximum_of(Integers values) {
  const __m256i all = __m256i(values);
  const __m128i fours = _mm_max_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  const __m128i pairs = _mm_max_epi32(fours, _mm_unpackhi_epi64(fours, fours));
  return _mm_cvtsi128_si32(_mm_max_epi32(pairs, _mm_shuffle_epi32(pairs, 1)));
}

inline Floats to_floats(Integers values) { return _mm256_cvtepi32_ps(__m256i(values)); }
/** To the nearest, of two to the even one. */
inline Integers to_integers(Floats values) { return Integers(_mm256_cvtps_epi32(values)); }
inline Floats round(Floats values) {
  return _mm256_round_ps(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/** values * 2^exponents, for whole exponents from -126 to 127. */
inline Floats scale_by_power_of_2(Floats values, Floats exponents) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(exponents), _mm256_set1_epi32(127));
  return _mm256_mul_ps(values, _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23)));
}

/** Each value `stride` floats behind the one before. */
inline void store_strided(float* to, size_t stride, Floats values) {
  alignas(32) float each[8];
  _mm256_store_ps(each, values);
#pragma GCC unroll 8
  for (size_t lane = 0; lane < 8; ++lane) to[lane * stride] = each[lane];
}

inline Integers load_bytes(const int8_t* from) {
  return Integers(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
/** What is beyond a byte becomes the nearest one; returns what was stored. */
inline Integers store_bytes(int8_t* to, Integers values) {
  const __m256i all = __m256i(values);
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  const __m128i bytes = _mm_packs_epi16(shorts, shorts);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), bytes);
  return Integers(_mm256_cvtepi8_epi32(bytes));
}
/** The same in 16 bits each. */
inline Integers store_bytes(int16_t* to, Integers values) {
  const __m256i all = __m256i(values);
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  const __m128i bytes = _mm_max_epi16(_mm_min_epi16(shorts, _mm_set1_epi16(127)), _mm_set1_epi16(-128));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  return Integers(_mm256_cvtepi16_epi32(bytes));
}

/** What is beyond 16 bits becomes the nearest that is not. */
inline void store_int16(int16_t* to, Integers values) {
  const __m256i all = __m256i(values);
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), shorts);
}

inline Floats load_float16(const uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline void store_float16(uint16_t* to, Floats values) {
  const __m128i halves = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), halves);
}

/** This level has no products of bfloat16. */
using BFloat16 = void;

}  // namespace WHISPER_CPU_LEVEL
