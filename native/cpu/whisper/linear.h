// Linear layers that see many rows at once, the encoder's: in 8 bits or in float32, with the same interface.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "product.h"
#include "rows.h"
#include "../weights_file.h"

namespace WHISPER_CPU_LEVEL {

/** A bias; zeros for projections to keys, which have none in Whisper. */
inline std::vector<float> bias_of(const WeightsFile& weights, const std::string& name, size_t outputs) {
  std::vector<float> bias(outputs);
  if (!name.ends_with(".k_proj")) std::copy_n(weights.floats(name + ".bias", outputs), outputs, bias.begin());
  return bias;
}

/** Weights in 8 bits with a scale per output; rows are brought to 8 bits with a scale per row. */
class Int8Linear {
 public:
  /** Rows as the products want them. */
  class Input {
   public:
    Input(size_t row_capacity, size_t size_capacity)
        : values_(row_capacity * stride_of<Int8>(size_capacity) * sizeof(Int8::Element)), scales_(row_capacity), shifts_(row_capacity) {}

    /** @param rows f32, `stride` floats apart */
    void set(const float* rows, size_t stride, size_t count, size_t size) {
      stride_ = stride_of<Int8>(size);
      count_ = count;
      for (size_t row = 0; row < count; ++row) {
        const QuantisedRow quantised = quantise_row(rows + row * stride, size, values_.as<Int8::Element>() + row * stride_);
        scales_[row] = quantised.scale;
        shifts_[row] = -Int8::weight_offset * quantised.sum;
      }
    }

   private:
    friend class Int8Linear;
    MemoryBlock values_;
    std::vector<float> scales_;
    /** What takes the offset of the weights out of a sum. */
    std::vector<int32_t> shifts_;
    size_t stride_ = 0;
    size_t count_ = 0;
  };

  Int8Linear(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs)
      : matrix_(inputs, outputs),
        scales_(weights.floats(name + ".weight.scales", outputs)),
        bias_(bias_of(weights, name, outputs)) {
    const auto* columns = weights.tensor<int8_t>(name + ".weight.columns", inputs * outputs);
    for (size_t input = 0; input < inputs; input += group_size<Int8>) {
      for (size_t output = 0; output < outputs; ++output) {
        auto* group = matrix_.group(input, output);
        for (size_t i = 0; i < group_size<Int8>; ++i)
          group[i] = Int8::from_weight(columns[(input + i) * outputs + output]);
      }
    }
    weights.give_up(name + ".weight.columns");
  }

  /** `epilogue(row, column, left, right)` gets 32 outputs of a row at a time, as floats. */
  template <typename Epilogue>
  void multiply(const Input& input, const Epilogue& epilogue) const {
    const MatrixView<Int8> rows{input.values_.as<Int8::Element>(), input.stride_, input.count_};
    multiply_rows(rows, matrix_, [&](size_t row, size_t column, Integers left, Integers right) {
      const Integers shift = Integers{} + input.shifts_[row];
      const Floats scale = broadcast(input.scales_[row]);
      const auto output = [&](Integers sum, size_t at) {
        const Floats product = to_floats(sum + shift) * scale;
        return multiply_add(product, load(scales_ + at), load(bias_.data() + at));
      };
      epilogue(row, column, output(left, column), output(right, column + lanes));
    });
  }

 private:
  PackedMatrix<Int8> matrix_;
  const float* scales_;
  std::vector<float> bias_;
};

/** Everything in float32. */
class FloatLinear {
 public:
  class Input {
   public:
    Input(size_t, size_t) {}
    void set(const float* rows, size_t stride, size_t count, size_t) { rows_ = {rows, stride, count}; }

   private:
    friend class FloatLinear;
    MatrixView<Fp32> rows_{};
  };

  FloatLinear(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs)
      : matrix_(inputs, outputs), bias_(bias_of(weights, name, outputs)) {
    const float* rows = weights.floats(name + ".weight", inputs * outputs);
    // Output by output within a panel: what is written stays near, what is read is one row.
    for (size_t output = 0; output < outputs; ++output) {
      float* to = matrix_.group(0, output);
      for (size_t input = 0; input < inputs; ++input) to[input * panel_columns] = rows[output * inputs + input];
    }
    weights.give_up(name + ".weight");
  }

  template <typename Epilogue>
  void multiply(const Input& input, const Epilogue& epilogue) const {
    multiply_rows(input.rows_, matrix_, [&](size_t row, size_t column, Floats left, Floats right) {
      epilogue(row, column, left + load(bias_.data() + column), right + load(bias_.data() + column + lanes));
    });
  }

 private:
  PackedMatrix<Fp32> matrix_;
  std::vector<float> bias_;
};

}  // namespace WHISPER_CPU_LEVEL
