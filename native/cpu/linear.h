// Linear layers that see many rows at once, the encoder's: in 8 bits or in float32, with the same interface.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "product.h"
#include "rows.h"
#include "weights_file.h"

/** A bias, or zeros where the checkpoint has none. */
inline std::vector<float> bias_of(const WeightsFile& weights, const std::string& name, size_t outputs) {
  std::vector<float> bias(outputs);
  const std::string tensor = name + ".bias";
  if (weights.has(tensor)) std::copy_n(weights.floats(tensor, outputs), outputs, bias.begin());
  return bias;
}

/** Weights in 8 bits with a scale per output; rows are brought to 8 bits with a scale per row. */
class Int8Linear {
 public:
  /** Rows as the products want them. */
  class Input {
   public:
    Input(size_t row_capacity, size_t size_capacity)
        : values_(row_capacity * stride_of<Bytes>(size_capacity)), scales_(row_capacity), shifts_(row_capacity) {}

    /** @param rows f32, `stride` floats apart */
    void set(const float* rows, size_t stride, size_t count, size_t size) {
      stride_ = stride_of<Bytes>(size);
      count_ = count;
      for (size_t row = 0; row < count; ++row) {
        const QuantisedRow quantised = quantise_row(rows + row * stride, size, values_.as<int8_t>() + row * stride_);
        scales_[row] = quantised.scale;
        shifts_[row] = quantised.shift;
      }
    }

   private:
    friend class Int8Linear;
    MemoryBlock values_;
    std::vector<float> scales_;
    /** What the 128 that are added to every weight would add to a sum. */
    std::vector<int32_t> shifts_;
    size_t stride_ = 0;
    size_t count_ = 0;
  };

  Int8Linear(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs)
      : matrix_(inputs, outputs),
        scales_(weights.floats(name + ".weight.scales", outputs)),
        bias_(bias_of(weights, name, outputs)) {
    const auto* columns = weights.tensor<int8_t>(name + ".weight.columns", inputs * outputs);
    for (size_t input = 0; input < inputs; input += 4) {
      for (size_t output = 0; output < outputs; ++output) {
        int8_t* group = matrix_.group(input, output);
        for (size_t i = 0; i < 4; ++i) group[i] = static_cast<int8_t>(columns[(input + i) * outputs + output] ^ 0x80);
      }
    }
    weights.give_up(name + ".weight.columns");
  }

  /** `finish(row, column, left, right)` gets 32 outputs of a row at a time, as floats. */
  template <typename Finish>
  void multiply(const Input& input, const Finish& finish) const {
    const Rows<Bytes> rows{input.values_.as<int8_t>(), input.stride_, input.count_};
    ::multiply(rows, matrix_, [&](size_t row, size_t column, Integers left, Integers right) {
      const Integers shift = Integers{} + input.shifts_[row];
      const Floats scale = all(input.scales_[row]);
      const auto output = [&](Integers sum, size_t at) {
        const Floats product = _mm512_cvtepi32_ps(__m512i(sum + shift)) * scale;
        return _mm512_fmadd_ps(product, load(scales_ + at), load(bias_.data() + at));
      };
      finish(row, column, output(left, column), output(right, column + lanes));
    });
  }

 private:
  PackedMatrix<Bytes> matrix_;
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
    Rows<Single> rows_{};
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

  template <typename Finish>
  void multiply(const Input& input, const Finish& finish) const {
    ::multiply(input.rows_, matrix_, [&](size_t row, size_t column, Floats left, Floats right) {
      finish(row, column, left + load(bias_.data() + column), right + load(bias_.data() + column + lanes));
    });
  }

 private:
  PackedMatrix<Single> matrix_;
  std::vector<float> bias_;
};
