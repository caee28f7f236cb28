#include "row_product.h"

namespace WHISPER_CPU_LEVEL {

namespace {

/** Outputs whose weights are read side by side. */
constexpr size_t outputs_at_once = 4;
/** How far ahead weights are prefetched, in rounds of outputs: the hardware prefetcher is too late for rows this short. */
constexpr size_t prefetch_rounds = 4;

struct RowRange {
  size_t first;
  size_t count;
};

/** The address may lie behind the last weights, where a prefetch does nothing. */
template <typename Weight>
void prefetch(const Weight* weights) {
  __builtin_prefetch(weights, 0, 3);
}

/** A vector of weights as floats. */
Floats read(const float* weights) { return load(weights); }
Floats read(const uint16_t* weights) { return load_float16(weights); }

/** Multiplies some rows with the weights of some outputs, which are widened to float32. */
template <size_t row_count, size_t output_count, typename Weight>
void multiply_floats(const Weight* weights, size_t inputs, const Activations& input, size_t first_row, float* to,
                     size_t stride) {
  Floats sums[row_count][output_count] = {};
  for (size_t i = 0; i < inputs; i += lanes) {
    Floats values[row_count];
#pragma GCC unroll 4
    for (size_t row = 0; row < row_count; ++row) values[row] = load(input.row(first_row + row) + i);
#pragma GCC unroll 4
    for (size_t output = 0; output < output_count; ++output) {
      prefetch(weights + (output + prefetch_rounds * output_count) * inputs + i);
      const Floats weight = read(weights + output * inputs + i);
#pragma GCC unroll 4
      for (size_t row = 0; row < row_count; ++row)
        sums[row][output] = multiply_add(weight, values[row], sums[row][output]);
    }
  }
  for (size_t row = 0; row < row_count; ++row)
    for (size_t output = 0; output < output_count; ++output)
      to[row * stride + output] = sum_of(sums[row][output]);
}

/** Multiplies one quantised row with the int8 weights of some outputs. */
template <size_t block, size_t output_count>
void multiply_blocks(const Int8BlockWeights& rows, size_t first_output, size_t inputs, const Activations& input, size_t row,
                     float* to) {
  constexpr size_t step = 4 * lanes;
  const size_t blocks = inputs / block;
  const int8_t* bytes = input.bytes(row);
  const float* row_scales = input.scales(row);
  const int32_t* compensations = input.compensations(row);
  const uint8_t* weights = rows.values + first_output * inputs;
  const float* scales = rows.scales + first_output * blocks;
  Floats sums[output_count] = {};
  for (size_t index = 0; index < blocks; ++index) {
    Integers products[output_count];
#pragma GCC unroll 4
    for (size_t output = 0; output < output_count; ++output)
      products[output] = load(compensations + index * lanes);
#pragma GCC unroll 2
    for (size_t at = index * block; at < (index + 1) * block; at += step) {
#pragma GCC unroll 4
      for (size_t output = 0; output < output_count; ++output)
        prefetch(weights + (output + prefetch_rounds * output_count) * inputs + at);
#pragma GCC unroll 4
      for (size_t output = 0; output < output_count; ++output)
        products[output] =
            add_byte_products(products[output], weights + output * inputs + at, bytes + at);
    }
#pragma GCC unroll 4
    for (size_t output = 0; output < output_count; ++output) {
      const Floats scale = broadcast(scales[output * blocks + index] * row_scales[index]);
      sums[output] = multiply_add(to_floats(products[output]), scale, sums[output]);
    }
  }
  for (size_t output = 0; output < output_count; ++output) to[output] = sum_of(sums[output]);
}

template <size_t output_count>
void multiply_outputs(const Int8BlockWeights& rows, size_t inputs, const Activations& input, RowRange range, size_t output,
                      float* to, size_t stride) {
  for (size_t i = 0; i < range.count; ++i) {
    if (block_size(inputs) == 128)
      multiply_blocks<128, output_count>(rows, output, inputs, input, range.first + i, to + i * stride);
    else
      multiply_blocks<64, output_count>(rows, output, inputs, input, range.first + i, to + i * stride);
  }
}

template <size_t output_count, typename FloatingRows>
void multiply_outputs(const FloatingRows& rows, size_t inputs, const Activations& input, RowRange range, size_t output,
                      float* to, size_t stride) {
  const auto* weights = rows.values + output * inputs;
  size_t i = 0;
  for (; i + 4 <= range.count; i += 4)
    multiply_floats<4, output_count>(weights, inputs, input, range.first + i, to + i * stride, stride);
  for (; i < range.count; ++i)
    multiply_floats<1, output_count>(weights, inputs, input, range.first + i, to + i * stride, stride);
}

/** Converts values to float16 and says whether that lost nothing. */
bool store_without_loss(const float* values, size_t count, uint16_t* to) {
  Integers differences{};
  for (size_t i = 0; i < count; i += lanes) {
    store_float16(to + i, load(values + i));
    differences |= Integers(load_float16(to + i) != load(values + i));
  }
  return sum_of(differences) == 0;
}

}  // namespace

Activations::Activations(size_t row_capacity, size_t size)
    : size_(size),
      block_(block_size(size)),
      blocks_(size / block_),
      values_(row_capacity * size * sizeof(float)),
      bytes_(row_capacity * size),
      compensations_(row_capacity * blocks_ * lanes * sizeof(int32_t)),
      scales_(row_capacity * blocks_) {}

void Activations::quantise(size_t index) {
  int8_t* to = bytes_.as<int8_t>() + index * size_;
  for (size_t number = 0; number < blocks_; ++number) {
    const size_t at = number * block_;
    const QuantisedRow quantised = quantise_row(row(index) + at, block_, to + at);
    scales_[index * blocks_ + number] = quantised.scale;
    compensations_.as<int32_t>()[(index * blocks_ + number) * lanes] = -block_weight_zero_point * quantised.sum;
  }
}

RowMatrix RowMatrix::float16_or_float32(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs) {
  const size_t count = inputs * outputs;
  RowMatrix matrix(inputs);
  matrix.memory_ = MemoryBlock(count * sizeof(uint16_t));
  auto* values = matrix.memory_.as<uint16_t>();
  if (!store_without_loss(weights.floats(name, count), count, values)) return float32(weights, name, inputs, outputs);
  matrix.weights_ = Float16Weights{values};
  weights.release(name);
  return matrix;
}

RowMatrix RowMatrix::float32(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs) {
  RowMatrix matrix(inputs);
  matrix.weights_ = Fp32Weights{weights.floats(name, inputs * outputs)};
  return matrix;
}

RowMatrix RowMatrix::int8_blocks(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs) {
  RowMatrix matrix(inputs);
  const size_t count = inputs * outputs;
  matrix.memory_ = MemoryBlock(count);
  std::copy_n(weights.tensor<uint8_t>(name + ".blocks", count), count, matrix.memory_.as<uint8_t>());
  weights.release(name + ".blocks");
  matrix.weights_ = Int8BlockWeights{matrix.memory_.as<uint8_t>(), weights.floats(name + ".scales", count / block_size(inputs))};
  return matrix;
}

void RowMatrix::multiply(const Activations& input, size_t row_count, size_t first, size_t last, float* to,
                         size_t stride) const {
  const RowRange range{0, row_count};
  std::visit(
      [&](const auto& rows) {
        size_t output = first;
        for (; output + outputs_at_once <= last; output += outputs_at_once)
          multiply_outputs<outputs_at_once>(rows, inputs_, input, range, output, to + output - first, stride);
        for (; output < last; ++output)
          multiply_outputs<1>(rows, inputs_, input, range, output, to + output - first, stride);
      },
      weights_);
}

float RowMatrix::multiply(const Activations& input, size_t row, size_t output) const {
  float product = 0.0F;
  std::visit([&](const auto& rows) { multiply_outputs<1>(rows, inputs_, input, {row, 1}, output, &product, 0); }, weights_);
  return product;
}

}  // namespace WHISPER_CPU_LEVEL
