// Linear layers that see few rows, the decoder's: their time is the reading of the weights, so these are read once, as
// small as they are without loss, or in 8 bits.
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

/** Weights of an output that share a scale: the largest of 128 and 64 that the inputs are a multiple of. */
constexpr size_t block_size(size_t inputs) { return inputs % 128 == 0 ? 128 : 64; }

/** Rows of activations, in float32 and, for weights in 8 bits, in 8 bits with a scale for every block. */
class Activations {
 public:
  Activations(size_t row_capacity, size_t size);

  float* row(size_t index) { return values_.as<float>() + index * size_; }
  const float* row(size_t index) const { return values_.as<float>() + index * size_; }
  /** Makes the copy in 8 bits of a row. */
  void quantise(size_t index);

  const int8_t* bytes(size_t index) const { return bytes_.as<int8_t>() + index * size_; }
  const float* scales(size_t index) const { return scales_.data() + index * blocks_; }
  /** Per block, what takes the offset of the weights out of its sum, in the first lane. */
  const int32_t* shifts(size_t index) const { return shifts_.as<int32_t>() + index * blocks_ * lanes; }

 private:
  size_t size_;
  size_t block_;
  size_t blocks_;
  MemoryBlock values_;
  MemoryBlock bytes_;
  MemoryBlock shifts_;
  std::vector<float> scales_;
};

/** Weights [outputs, inputs] in 8 bits, 128 for 0, with a scale for every block of an output. */
struct BlockRows {
  const uint8_t* values;
  const float* scales;
};
/** The same in float16, which the published ones are without loss. */
struct HalfRows {
  const uint16_t* values;
};
struct FloatRows {
  const float* values;
};

class RowMatrix {
 public:
  /** In float16 where that is the same, else in float32. */
  static RowMatrix without_loss(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);
  static RowMatrix in_blocks(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);
  static RowMatrix in_floats(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);

  /**
   * Some outputs of some rows, without a bias.
   *
   * @param to f32, `stride` floats from a row to the next; output `first` of row 0 goes to its beginning
   */
  void multiply(const Activations& input, size_t row_count, size_t first, size_t last, float* to, size_t stride) const;
  /** One output of one row. */
  float multiply(const Activations& input, size_t row, size_t output) const;

 private:
  explicit RowMatrix(size_t inputs) : inputs_(inputs) {}

  size_t inputs_;
  std::variant<FloatRows, HalfRows, BlockRows> rows_;
  MemoryBlock memory_;
};

/** A layer of the decoder with its bias. */
struct RowLinear {
  RowLinear(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs, bool in_bytes)
      : matrix(in_bytes ? RowMatrix::in_blocks(weights, name + ".weight", inputs, outputs)
                        : RowMatrix::without_loss(weights, name + ".weight", inputs, outputs)),
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
