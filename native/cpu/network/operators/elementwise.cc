#include "operators.h"

namespace network {
namespace {

/** An operator that looks at each element by itself. */
template <typename Apply>
Operator each_element(Fields& fields, Apply apply) {
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout = [](std::span<const Shape> inputs) { return Layout{{inputs[0]}}; },
      .compute =
          [apply](const Tensors& tensors) {
            apply(tensors.inputs[0].data, tensors.outputs[0].data, element_count(tensors.inputs[0].shape));
          },
  };
}

/** The strides of a tensor in the walk over an output that it is repeated to: 0 along axes of size 1. */
std::vector<size_t> repeating_strides(const Shape& shape) {
  std::vector<size_t> strides(shape.size());
  size_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0; stride *= shape[axis]) strides[axis] = shape[axis] == 1 ? 0 : stride;
  return strides;
}

Shape broadcast_shape(const Shape& a, const Shape& b) {
  Shape y = a;
  bool fits = a.size() == b.size() && !a.empty();
  for (size_t axis = 0; fits && axis < a.size(); ++axis) {
    fits = a[axis] == b[axis] || a[axis] == 1 || b[axis] == 1;
    if (a[axis] == 1) y[axis] = b[axis];
  }
  if (!fits) throw NetworkError(text_of(a) + " and " + text_of(b) + " do not fit together");
  return y;
}

using Combine = void (*)(const float*, size_t, const float*, size_t, float*, size_t);

void combine_all(Combine combine, const Tensors& tensors) {
  const auto& [a, a_shape] = tensors.inputs[0];
  const auto& [b, b_shape] = tensors.inputs[1];
  const auto& [y, shape] = tensors.outputs[0];
  if (a_shape == b_shape) return combine(a, 1, b, 1, y, element_count(shape));
  const auto a_strides = repeating_strides(a_shape);
  const auto b_strides = repeating_strides(b_shape);
  const size_t last = shape.size() - 1;
  const size_t width = shape[last];
  const size_t count = element_count(shape);
  std::vector<size_t> index(shape.size());
  size_t a_at = 0;
  size_t b_at = 0;
  for (size_t row = 0; row < count; row += width) {
    combine(a + a_at, a_strides[last], b + b_at, b_strides[last], y + row, width);
    for (size_t axis = last; axis-- > 0;) {
      a_at += a_strides[axis];
      b_at += b_strides[axis];
      if (++index[axis] < shape[axis]) break;
      a_at -= a_strides[axis] * shape[axis];
      b_at -= b_strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

Operator pairwise(Fields& fields, Combine combine) {
  return {
      .inputs = {fields.name("a"), fields.name("b")},
      .outputs = {fields.name("y")},
      .layout = [](std::span<const Shape> inputs) { return Layout{{broadcast_shape(inputs[0], inputs[1])}}; },
      .compute = [combine](const Tensors& tensors) { combine_all(combine, tensors); },
  };
}

}  // namespace

Operator relu(Fields& fields, const Kernels& kernels) { return each_element(fields, kernels.relu); }
Operator sigmoid(Fields& fields, const Kernels& kernels) { return each_element(fields, kernels.sigmoid); }
Operator tanh(Fields& fields, const Kernels& kernels) { return each_element(fields, kernels.tanh); }
Operator square_root(Fields& fields, const Kernels& kernels) { return each_element(fields, kernels.square_root); }
Operator square(Fields& fields, const Kernels& kernels) { return each_element(fields, kernels.square); }
Operator absolute(Fields& fields, const Kernels& kernels) { return each_element(fields, kernels.absolute); }

Operator leaky_relu(Fields& fields, const Kernels& kernels) {
  const float alpha = fields.number("alpha", 0.01F);
  return each_element(fields, [alpha, &kernels](const float* x, float* y, size_t count) {
    kernels.leaky_relu(x, alpha, y, count);
  });
}

Operator add(Fields& fields, const Kernels& kernels) { return pairwise(fields, kernels.add); }
Operator multiply(Fields& fields, const Kernels& kernels) { return pairwise(fields, kernels.multiply); }

}  // namespace network
