// Vectors of 16 floats (AVX-512) and the functions of them that a transformer is made of.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

/** Sixteen floats. */
using Floats = __m512;
/** Sixteen integers of 32 bits; __m512i would be eight of 64, which costs GCC a copy at every use. */
using Integers = int32_t __attribute__((vector_size(64)));
inline constexpr size_t lanes = 16;

inline Floats load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, Floats values) { _mm512_storeu_ps(to, values); }
inline Floats all(float value) { return _mm512_set1_ps(value); }

/** 2^x for x <= 127, to the last bits of a float; below -126 it is 2^-126, next to nothing; NaN of NaN. */
inline Floats exp2_of(Floats exponents) {
  const Floats x = _mm512_max_ps(all(-126.0F), exponents);  // the second where one is NaN
  const Floats whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const Floats rest = x - whole;
  // Taylor's series of 2^rest, |rest| <= 1/2: the first term left out is 2^-23 at most.
  Floats power = all(1.5403530e-4F);
  power = _mm512_fmadd_ps(power, rest, all(1.3333558e-3F));
  power = _mm512_fmadd_ps(power, rest, all(9.6181291e-3F));
  power = _mm512_fmadd_ps(power, rest, all(5.5504109e-2F));
  power = _mm512_fmadd_ps(power, rest, all(2.4022651e-1F));
  power = _mm512_fmadd_ps(power, rest, all(6.9314718e-1F));
  power = _mm512_fmadd_ps(power, rest, all(1.0F));
  return _mm512_scalef_ps(power, whole);
}

inline constexpr float log2_e = 1.44269504F;

/** The exact GELU, x * (1 + erf(x / sqrt(2))) / 2, with Abramowitz and Stegun's 7.1.26 for erf: off by 1.5e-7 at most. */
inline Floats gelu(Floats x) {
  const Floats magnitude = _mm512_abs_ps(x) * all(0.70710678F);
  const Floats t = all(1.0F) / _mm512_fmadd_ps(magnitude, all(0.3275911F), all(1.0F));
  Floats series = all(1.061405429F);
  series = _mm512_fmadd_ps(series, t, all(-1.453152027F));
  series = _mm512_fmadd_ps(series, t, all(1.421413741F));
  series = _mm512_fmadd_ps(series, t, all(-0.284496736F));
  series = _mm512_fmadd_ps(series, t, all(0.254829592F));
  const Floats tail = series * t * exp2_of(magnitude * magnitude * all(-log2_e));  // 1 - erf(magnitude)
  const Floats erf = all(1.0F) - tail;
  const Floats negative = _mm512_sub_ps(_mm512_setzero_ps(), erf);
  const Floats signed_erf = _mm512_mask_mov_ps(erf, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), negative);
  return x * all(0.5F) * (all(1.0F) + signed_erf);
}

/** Rounds to the nearest bfloat16. */
inline uint16_t bfloat16_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/** Rounds to the nearest bfloat16, on processors that have products of them. */
inline __m256i bfloat16_of(Floats values) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)); }
