#include "operators.h"

namespace network {
namespace {

using Compute = void (*)(const float*, float*, size_t, size_t);

Operator along_rows(Fields& fields, Compute compute) {
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [](std::span<const Shape> inputs) {
            if (inputs[0].empty()) throw NetworkError("a tensor without axes has no last one");
            return Layout{{inputs[0]}};
          },
      .compute =
          [compute](const Tensors& tensors) {
            const auto& [x, shape] = tensors.inputs[0];
            compute(x, tensors.outputs[0].data, element_count(shape) / shape.back(), shape.back());
          },
  };
}

}  // namespace

Operator softmax(Fields& fields, const Kernels& kernels) { return along_rows(fields, kernels.softmax); }
Operator log_softmax(Fields& fields, const Kernels& kernels) { return along_rows(fields, kernels.log_softmax); }

}  // namespace network
