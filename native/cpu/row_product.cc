#include "row_product.h"

namespace {

/** Outputs whose weights are read side by side. */
constexpr size_t outputs_at_once = 4;
/**
 * How far ahead weights are asked for, in rounds of outputs: the processor alone foresees too little of rows this short.
 */
constexpr size_t rounds_ahead = 4;

struct RowRange {
  size_t first;
  size_t count;
};

/** Behind the last weights too, where it does nothing. */
template <typename Weight>
void ask_for(const Weight* weights) {
  _mm_prefetch(reinterpret_cast<const char*>(weights), _MM_HINT_T0);
}

/** Sixteen weights as floats. */
Floats widen(const float* weights) { return load(weights); }
Floats widen(const uint16_t* weights) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights)));
}

/** Some rows by some outputs of weights that are widened to floats. */
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
      ask_for(weights + (output + rounds_ahead * output_count) * inputs + i);
      const Floats weight = widen(weights + output * inputs + i);
#pragma GCC unroll 4
      for (size_t row = 0; row < row_count; ++row)
        sums[row][output] = _mm512_fmadd_ps(weight, values[row], sums[row][output]);
    }
  }
  for (size_t row = 0; row < row_count; ++row)
    for (size_t output = 0; output < output_count; ++output)
      to[row * stride + output] = _mm512_reduce_add_ps(sums[row][output]);
}

/** One row by outputs of weights in blocks of 8 bits. */
template <size_t block, size_t output_count>
void multiply_blocks(const BlockRows& rows, size_t first_output, size_t inputs, const Activations& input, size_t row,
                     float* to) {
  constexpr size_t step = 64;
  const size_t blocks = inputs / block;
  const int8_t* bytes = input.bytes(row);
  const float* row_scales = input.scales(row);
  const int32_t* shifts = input.shifts(row);
  const uint8_t* weights = rows.values + first_output * inputs;
  const float* scales = rows.scales + first_output * blocks;
  Floats sums[output_count] = {};
  for (size_t index = 0; index < blocks; ++index) {
    __m512i products[output_count];
#pragma GCC unroll 4
    for (size_t output = 0; output < output_count; ++output)
      products[output] = _mm512_loadu_si512(shifts + index * lanes);
#pragma GCC unroll 2
    for (size_t at = index * block; at < (index + 1) * block; at += step) {
      const __m512i values = _mm512_loadu_si512(bytes + at);
#pragma GCC unroll 4
      for (size_t output = 0; output < output_count; ++output)
        ask_for(weights + (output + rounds_ahead * output_count) * inputs + at);
#pragma GCC unroll 4
      for (size_t output = 0; output < output_count; ++output)
        products[output] =
            _mm512_dpbusd_epi32(products[output], _mm512_loadu_si512(weights + output * inputs + at), values);
    }
#pragma GCC unroll 4
    for (size_t output = 0; output < output_count; ++output) {
      const Floats scale = all(scales[output * blocks + index] * row_scales[index]);
      sums[output] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[output]), scale, sums[output]);
    }
  }
  for (size_t output = 0; output < output_count; ++output) to[output] = _mm512_reduce_add_ps(sums[output]);
}

template <size_t output_count>
void multiply_outputs(const BlockRows& rows, size_t inputs, const Activations& input, RowRange range, size_t output,
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

__m256i to_halves(Floats values) { return _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

bool are_halves(const float* values, size_t count) {
  __mmask16 others = 0;
  for (size_t i = 0; i < count; i += lanes) {
    const Floats kept = _mm512_cvtph_ps(to_halves(load(values + i)));
    others |= _mm512_cmp_ps_mask(kept, load(values + i), _CMP_NEQ_UQ);
  }
  return others == 0;
}

}  // namespace

Activations::Activations(size_t row_capacity, size_t size)
    : size_(size),
      block_(block_size(size)),
      blocks_(size / block_),
      values_(row_capacity * size * sizeof(float)),
      bytes_(row_capacity * size),
      shifts_(row_capacity * blocks_ * lanes * sizeof(int32_t)),
      scales_(row_capacity * blocks_) {}

void Activations::quantise(size_t index) {
  int8_t* to = bytes_.as<int8_t>() + index * size_;
  for (size_t number = 0; number < blocks_; ++number) {
    const size_t at = number * block_;
    const QuantisedRow quantised = quantise_row(row(index) + at, block_, to + at);
    scales_[index * blocks_ + number] = quantised.scale;
    shifts_.as<int32_t>()[(index * blocks_ + number) * lanes] = quantised.shift;
  }
}

RowMatrix RowMatrix::smallest(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs) {
  if (!weights.has(name)) return in_blocks(weights, name, inputs, outputs);
  const size_t count = inputs * outputs;
  const float* floats = weights.floats(name, count);
  if (!are_halves(floats, count)) return in_floats(weights, name, inputs, outputs);
  RowMatrix matrix(inputs);
  matrix.memory_ = MemoryBlock(count * sizeof(uint16_t));
  auto* halves = matrix.memory_.as<uint16_t>();
  for (size_t i = 0; i < count; i += lanes)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(halves + i), to_halves(load(floats + i)));
  matrix.rows_ = HalfRows{halves};
  weights.give_up(name);
  return matrix;
}

RowMatrix RowMatrix::in_floats(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs) {
  RowMatrix matrix(inputs);
  matrix.rows_ = FloatRows{weights.floats(name, inputs * outputs)};
  return matrix;
}

RowMatrix RowMatrix::in_blocks(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs) {
  RowMatrix matrix(inputs);
  const size_t count = inputs * outputs;
  matrix.memory_ = MemoryBlock(count);
  std::copy_n(weights.tensor<uint8_t>(name + ".blocks", count), count, matrix.memory_.as<uint8_t>());
  weights.give_up(name + ".blocks");
  matrix.rows_ = BlockRows{matrix.memory_.as<uint8_t>(), weights.floats(name + ".scales", count / block_size(inputs))};
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
      rows_);
}

float RowMatrix::multiply(const Activations& input, size_t row, size_t output) const {
  float product = 0.0F;
  std::visit([&](const auto& rows) { multiply_outputs<1>(rows, inputs_, input, {row, 1}, output, &product, 0); }, rows_);
  return product;
}
