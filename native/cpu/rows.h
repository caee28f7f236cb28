// What happens to one row of activations at a time.
#pragma once

#include <cmath>

#include "simd.h"
#include "weights_file.h"

/** Sums of a row and what not: all rows are multiples of 16 long. */
inline float largest_magnitude(const float* row, size_t size) {
  Floats largest = _mm512_setzero_ps();
  for (size_t i = 0; i < size; i += lanes) largest = _mm512_max_ps(largest, _mm512_abs_ps(load(row + i)));
  return _mm512_reduce_max_ps(largest);
}

inline void add_row(float* to, const float* row, size_t size) {
  for (size_t i = 0; i < size; i += lanes) store(to + i, load(to + i) + load(row + i));
}

/** The affine map behind a layer's normalisation (epsilon 1e-5). */
struct LayerNorm {
  LayerNorm(const WeightsFile& weights, const std::string& name, size_t size)
      : scales(weights.floats(name + ".weight", size)), shifts(weights.floats(name + ".bias", size)), size(size) {}

  void apply(const float* row, float* to) const {
    Floats sum = _mm512_setzero_ps();
    for (size_t i = 0; i < size; i += lanes) sum += load(row + i);
    const Floats mean = all(_mm512_reduce_add_ps(sum) / static_cast<float>(size));
    Floats squares = _mm512_setzero_ps();
    for (size_t i = 0; i < size; i += lanes) {
      const Floats centred = load(row + i) - mean;
      squares = _mm512_fmadd_ps(centred, centred, squares);
    }
    const float variance = _mm512_reduce_add_ps(squares) / static_cast<float>(size);
    const Floats inverse = all(1.0F / std::sqrt(variance + 1e-5F));
    for (size_t i = 0; i < size; i += lanes)
      store(to + i, _mm512_fmadd_ps((load(row + i) - mean) * inverse, load(scales + i), load(shifts + i)));
  }

  const float* scales;
  const float* shifts;
  size_t size;
};

/** Sixteen floats scaled and rounded to signed bytes. */
inline __m128i to_bytes(Floats values, Floats inverse_scale) {
  return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(values * inverse_scale));
}
