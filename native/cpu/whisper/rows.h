// Operations on one row of activations: norms, quantisation, softmax.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "../simd/simd.h"
#include "../weights_file.h"

namespace WHISPER_CPU_LEVEL {

/**
 * The largest magnitude of `size` values, a multiple of 64; NaN where one of them is. The bits of magnitudes, taken as
 * integers, have the order of the magnitudes, with NaN above all.
 */
inline float largest_magnitude(const float* row, size_t size) {
  Integers largest{};
  for (size_t i = 0; i < size; i += lanes)
    largest = maximum(largest, Integers(absolute(load(row + i))));
  return std::bit_cast<float>(maximum_of(largest));
}

/** The highest of `count` values, at least one. */
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

/** Layer normalisation with its affine map; epsilon is 1e-5. */
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

/** The scale at which the largest magnitude becomes 127; it is not 0 even for a row of zeros. */
inline float int8_scale(const float* row, size_t size) {
  return std::max(largest_magnitude(row, size), 1e-10F) / 127.0F;
}

struct QuantisedRow {
  float scale;
  /** The sum of the quantised values, from which the contribution of the weights' zero point to a product follows. */
  int32_t sum;
};

/** Quantises a row to int8, stored in elements of 8 or 16 bits. */
template <typename Element>
QuantisedRow quantise_row(const float* row, size_t size, Element* to) {
  const float scale = int8_scale(row, size);
  const Floats inverse = broadcast(1.0F / scale);
  Integers sum{};
  for (size_t i = 0; i < size; i += lanes) sum += store_bytes(to + i, to_integers(load(row + i) * inverse));
  return {scale, sum_of(sum)};
}

/**
 * The softmax of scores without its division by the sum, which is returned.
 *
 * @param scores multiplied by log2 e, f32 [padded]; `padded` is a multiple of the lanes
 * @param count the number of scores; the weights behind them, up to `padded`, become 0 or nearly 0
 * @param put called with an index and the vector of weights from there on
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
