#include <memory>

#include "../packed_weights.h"
#include "operators.h"

namespace network {

Operator linear(Fields& fields, const Kernels& kernels) {
  const WeightTensor& weight = fields.weight("weight");
  const WeightTensor* bias = fields.optional_weight("bias");
  if (weight.shape.size() != 2 || weight.values.empty()) fields.fail("the weight is " + text_of(weight.shape));
  const size_t outputs = weight.shape[0];
  const size_t inputs = weight.shape[1];
  if (bias != nullptr && bias->shape != Shape{outputs}) fields.fail("the bias is " + text_of(bias->shape));
  const auto packed = std::make_shared<PackedWeights>(
      pack_weights(outputs, inputs, bias == nullptr ? nullptr : bias->values.data(),
                   [&](size_t output, size_t k) { return weight.values[output * inputs + k]; }));
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [inputs, outputs](std::span<const Shape> shapes) {
            Shape y = shapes[0];
            if (y.empty() || y.back() != inputs)
              throw NetworkError("linear: x is " + text_of(y) + ", not [..., " + std::to_string(inputs) + "]");
            y.back() = outputs;
            return Layout{{y}};
          },
      .compute =
          [packed, inputs, &kernels](const Tensors& tensors) {
            const size_t rows = element_count(tensors.inputs[0].shape) / inputs;
            const size_t segment = 0;
            kernels.product({
                .x = tensors.inputs[0].data,
                .grid = {.height = 1, .width = rows, .batch_stride = 0, .height_stride = 0, .width_stride = inputs},
                .rows = rows,
                .segments = &segment,
                .segment_count = 1,
                .segment_length = inputs,
                .weights = packed->weights.as<float>(),
                .bias = packed->bias.data(),
                .out = tensors.outputs[0].data,
                .out_stride = packed->outputs,
                .outputs = packed->outputs,
            });
          },
  };
}

}  // namespace network
