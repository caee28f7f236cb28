// Linear layers of the decoder, which have few rows (GEMV). They are bound by the bandwidth of memory, so weights are read
// once, in the smallest dtype that holds them without loss, or in int8.
#pragma once

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "linear.h"
#include "../memory_block.h"
#include "rows.h"
#include "../weights_file.h"

namespace WHISPER_CPU_LEVEL {

/** How many weights of an output share a scale: 128 where the inputs are a multiple of that, else 64. */
constexpr size_t block_size(size_t inputs) { return inputs % 128 == 0 ? 128 : 64; }

/** Rows of activations in float32 and, for int8 weights, quantised with a scale for every block. */
class Activations {
 public:
  Activations(size_t row_capacity, size_t size);

  float* row(size_t index) { return values_.as<float>() + index * size_; }
  const float* row(size_t index) const { return values_.as<float>() + index * size_; }
  /** Quantises a row into its int8 copy. */
  void quantise(size_t index);

  const int8_t* bytes(size_t index) const { return bytes_.as<int8_t>() + index * size_; }
  const float* scales(size_t index) const { return scales_.data() + index * blocks_; }
  /** For each block a vector whose first lane is what the zero point of the weights adds to its sum, negated. */
  const int32_t* compensations(size_t index) const { return compensations_.as<int32_t>() + index * blocks_ * lanes; }

 private:
  size_t size_;
  size_t block_;
  size_t blocks_;
  MemoryBlock values_;
  MemoryBlock bytes_;
  MemoryBlock compensations_;
  std::vector<float> scales_;
};

/** uint8 weights [outputs, inputs] with a zero point of 128 and a scale for every block of an output. */
struct Int8BlockWeights {
  const uint8_t* values;
  const float* scales;
};
/** Weights [outputs, inputs] in float16, which holds published weights without loss. */
struct Float16Weights {
  const uint16_t* values;
};
/** Weights [outputs, inputs] in float32. */
struct Fp32Weights {
  const float* values;
};

class RowMatrix {
 public:
  /** In float16 where that loses nothing, else in float32. */
  static RowMatrix float16_or_float32(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);
  static RowMatrix int8_blocks(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);
  static RowMatrix float32(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);

  /**
   * Computes outputs `first` to `last`, exclusive, of the first `row_count` rows, without a bias.
   *
   * @param to f32 [row_count, last - first], its rows `stride` floats apart
   */
  void multiply(const Activations& input, size_t row_count, size_t first, size_t last, float* to, size_t stride) const;
  /** Computes one output of one row. */
  float multiply(const Activations& input, size_t row, size_t output) const;

 private:
  explicit RowMatrix(size_t inputs) : inputs_(inputs) {}

  size_t inputs_;
  std::variant<Fp32Weights, Float16Weights, Int8BlockWeights> weights_;
  MemoryBlock memory_;
};

/** A linear layer of the decoder with its bias. */
struct RowLinear {
  RowLinear(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs, bool is_int8)
      : matrix(is_int8 ? RowMatrix::int8_blocks(weights, name + ".weight", inputs, outputs)
                        : RowMatrix::float16_or_float32(weights, name + ".weight", inputs, outputs)),
        bias(bias_of(weights, name, outputs)) {}

  void multiply(const Activations& input, size_t row_count, size_t first, size_t last, float* to,
                size_t stride) const {
    matrix.multiply(input, row_count, first, last, to, stride);
    for (size_t row = 0; row < row_count; ++row)
      for (size_t i = first; i < last; ++i) to[row * stride + i - first] += bias[i];
  }

  RowMatrix matrix;
  std::vector<float> bias;
};

}  // namespace WHISPER_CPU_LEVEL
