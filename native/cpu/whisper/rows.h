// What happens to one row of activations at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "../simd/simd.h"
#include "../weights_file.h"

namespace WHISPER_CPU_LEVEL {

/** Of a multiple of 64 values; NaN where one of them is. As integers, magnitudes have the same order, with NaN above all. */
inline float largest_magnitude(const float* row, size_t size) {
  Integers largest{};
  for (size_t i = 0; i < size; i += lanes)
    largest = maximum(largest, Integers(absolute(load(row + i))));
  return std::bit_cast<float>(maximum_of(largest));
}

/** The highest of some values, at least one. */
inline float highest(const float* values, size_t count) {
  float result = values[0];
  size_t i = 0;
  if (count >= lanes) {
    Floats largest = load(values);
    for (i = lanes; i + lanes <= count; i += lanes) largest = maximum(largest, load(values + i));
    result = maximum_of(largest);
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
    Floats sum = Floats{};
    for (size_t i = 0; i < size; i += lanes) sum += load(row + i);
    const Floats mean = broadcast(sum_of(sum) / static_cast<float>(size));
    Floats squares = Floats{};
    for (size_t i = 0; i < size; i += lanes) {
      const Floats centred = load(row + i) - mean;
      squares = multiply_add(centred, centred, squares);
    }
    const float variance = sum_of(squares) / static_cast<float>(size);
    const Floats inverse = broadcast(1.0F / std::sqrt(variance + 1e-5F));
    for (size_t i = 0; i < size; i += lanes)
      store(to + i, multiply_add((load(row + i) - mean) * inverse, load(scales + i), load(shifts + i)));
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
  /** Of the bytes, which tells what an offset of the weights adds to a product. */
  int32_t sum;
};

/** Scales and rounds a row to signed bytes, in 8 or 16 bits each. */
template <typename Element>
QuantisedRow quantise_row(const float* row, size_t size, Element* to) {
  const float scale = byte_scale(row, size);
  const Floats inverse = broadcast(1.0F / scale);
  Integers sum{};
  for (size_t i = 0; i < size; i += lanes) sum += store_bytes(to + i, to_integers(load(row + i) * inverse));
  return {scale, sum_of(sum)};
}

/**
 * The softmax of scores, times log2 e, but for the division by their sum, which is returned.
 *
 * @param count scores; behind them, up to `padded`, a multiple of the lanes, the weights become 0 or next to it
 * @param put called with a place and the weights from there on, one in each lane
 */
template <typename Put>
inline float softmax(float* scores, size_t count, size_t padded, const Put& put) {
  std::fill(scores + count, scores + padded, -std::numeric_limits<float>::infinity());
  const Floats shift = broadcast(highest(scores, padded));
  Floats sum = Floats{};
  for (size_t i = 0; i < padded; i += lanes) {
    const Floats weight = exp2_of(load(scores + i) - shift);
    put(i, weight);
    sum += weight;
  }
  return sum_of(sum);
}

}  // namespace WHISPER_CPU_LEVEL
