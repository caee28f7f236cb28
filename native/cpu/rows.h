// What happens to one row of activations at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "simd.h"
#include "weights_file.h"

/** Of a multiple of 16 values; NaN where one of them is. As integers, magnitudes have the same order, with NaN above all. */
inline float largest_magnitude(const float* row, size_t size) {
  __m512i largest = _mm512_setzero_si512();
  for (size_t i = 0; i < size; i += lanes)
    largest = _mm512_max_epu32(largest, _mm512_castps_si512(_mm512_abs_ps(load(row + i))));
  return std::bit_cast<float>(_mm512_reduce_max_epu32(largest));
}

/** The highest of some values, at least one. */
inline float highest(const float* values, size_t count) {
  float result = values[0];
  size_t i = 0;
  if (count >= lanes) {
    Floats largest = load(values);
    for (i = lanes; i + lanes <= count; i += lanes) largest = _mm512_max_ps(largest, load(values + i));
    result = _mm512_reduce_max_ps(largest);
  }
  for (; i < count; ++i) result = std::max(result, values[i]);
  return result;
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

/** The scale at which the largest magnitude becomes 127; a row of zeros has one too. */
inline float byte_scale(const float* row, size_t size) {
  return std::max(largest_magnitude(row, size), 1e-10F) / 127.0F;
}

struct QuantisedRow {
  float scale;
  /** What weights that are stored 128 higher add to a sum, to be added to it. */
  int32_t shift;
};

/** Scales and rounds a row to signed bytes. */
inline QuantisedRow quantise_row(const float* row, size_t size, int8_t* to) {
  const float scale = byte_scale(row, size);
  const Floats inverse = all(1.0F / scale);
  Integers sum = {};
  for (size_t i = 0; i < size; i += lanes) {
    const __m128i bytes = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(load(row + i) * inverse));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), bytes);
    sum += Integers(_mm512_cvtepi8_epi32(bytes));
  }
  return {scale, -128 * _mm512_reduce_add_epi32(__m512i(sum))};
}

/**
 * The softmax of scores, times log2 e, but for the division by their sum, which is returned.
 *
 * @param count scores; behind them, up to `padded`, a multiple of 16, the weights become 0 or next to it
 * @param put called with a place and the weights of 16 places from there on
 */
template <typename Put>
inline float softmax(float* scores, size_t count, size_t padded, const Put& put) {
  std::fill(scores + count, scores + padded, -std::numeric_limits<float>::infinity());
  const Floats shift = all(highest(scores, padded));
  Floats sum = _mm512_setzero_ps();
  for (size_t i = 0; i < padded; i += lanes) {
    const Floats weight = exp2_of(load(scores + i) - shift);
    put(i, weight);
    sum += weight;
  }
  return _mm512_reduce_add_ps(sum);
}
