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

/** int8 weights with a scale per output; rows of activations are quantised to int8 with a scale per row. */
class Int8Linear {
 public:
  /** Quantised rows of activations. */
  class Input {
   public:
    Input(size_t row_capacity, size_t size_capacity)
        : values_(row_capacity * padded_stride<Int8>(size_capacity) * sizeof(Int8::Element)), scales_(row_capacity), compensations_(row_capacity) {}

    /** @param rows f32, `stride` floats apart */
    void set(const float* rows, size_t stride, size_t count, size_t size) {
      stride_ = padded_stride<Int8>(size);
      count_ = count;
      for (size_t row = 0; row < count; ++row) {
        const QuantisedRow quantised = quantise_row(rows + row * stride, size, values_.as<Int8::Element>() + row * stride_);
        scales_[row] = quantised.scale;
        compensations_[row] = -Int8::weight_zero_point * quantised.sum;
      }
    }

   private:
    friend class Int8Linear;
    MemoryBlock values_;
    std::vector<float> scales_;
    /** What the zero point of the weights adds to a sum of products, negated. */
    std::vector<int32_t> compensations_;
    size_t stride_ = 0;
    size_t count_ = 0;
  };

  Int8Linear(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs)
      : matrix_(inputs, outputs),
        scales_(weights.floats(name + ".weight.scales", outputs)),
        bias_(bias_of(weights, name, outputs)) {
    const auto* columns = weights.tensor<int8_t>(name + ".weight.columns", inputs * outputs);
    for (size_t input = 0; input < inputs; input += elements_per_lane<Int8>) {
      for (size_t output = 0; output < outputs; ++output) {
        auto* lane = matrix_.lane(input, output);
        for (size_t i = 0; i < elements_per_lane<Int8>; ++i)
          lane[i] = Int8::from_weight(columns[(input + i) * outputs + output]);
      }
    }
    weights.release(name + ".weight.columns");
  }

  /** `epilogue(row, column, low, high)` gets the outputs of a panel for a row, as floats: see multiply_rows. */
  template <typename Epilogue>
  void multiply(const Input& input, const Epilogue& epilogue) const {
    const MatrixView<Int8> rows{input.values_.as<Int8::Element>(), input.stride_, input.count_};
    multiply_rows(rows, matrix_, [&](size_t row, size_t column, Integers low, Integers high) {
      const Integers compensation = Integers{} + input.compensations_[row];
      const Floats scale = broadcast(input.scales_[row]);
      const auto output = [&](Integers sum, size_t at) {
        const Floats product = to_floats(sum + compensation) * scale;
        return multiply_add(product, load(scales_ + at), load(bias_.data() + at));
      };
      epilogue(row, column, output(low, column), output(high, column + lanes));
    });
  }

 private:
  PackedMatrix<Int8> matrix_;
  const float* scales_;
  std::vector<float> bias_;
};

/** Weights and activations in float32. */
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
      float* to = matrix_.lane(0, output);
      for (size_t input = 0; input < inputs; ++input) to[input * panel_columns] = rows[output * inputs + input];
    }
    weights.release(name + ".weight");
  }

  template <typename Epilogue>
  void multiply(const Input& input, const Epilogue& epilogue) const {
    multiply_rows(input.rows_, matrix_, [&](size_t row, size_t column, Floats low, Floats high) {
      epilogue(row, column, low + load(bias_.data() + column), high + load(bias_.data() + column + lanes));
    });
  }

 private:
  PackedMatrix<Fp32> matrix_;
  std::vector<float> bias_;
};

}  // namespace WHISPER_CPU_LEVEL
