// Operators that only move elements. What varies along an axis is seen as [outer, axis, inner].
#include <algorithm>

#include "operators.h"

namespace network {
namespace {

/** The sizes around an axis. */
struct Split {
  size_t outer;
  size_t size;
  size_t inner;
};

Split split_at(const Shape& shape, size_t axis) {
  if (axis >= shape.size()) throw NetworkError(text_of(shape) + " has no axis " + std::to_string(axis));
  const std::span<const size_t> sizes(shape);
  return {element_count(sizes.first(axis)), shape[axis], element_count(sizes.subspan(axis + 1))};
}

Shape with_size(Shape shape, size_t axis, size_t size) {
  shape[axis] = size;
  return shape;
}

void compute_concat(size_t axis, const Tensors& tensors) {
  const size_t row = element_count(std::span(tensors.outputs[0].shape).subspan(axis));
  float* out = tensors.outputs[0].data;
  for (const auto& [x, shape] : tensors.inputs) {
    const auto [outer, size, inner] = split_at(shape, axis);
    for (size_t i = 0; i < outer; ++i) std::copy_n(x + i * size * inner, size * inner, out + i * row);
    out += size * inner;
  }
}

Layout concat_layout(size_t axis, std::span<const Shape> inputs) {
  size_t size = 0;
  for (const Shape& shape : inputs) {
    size += split_at(shape, axis).size;
    if (with_size(shape, axis, 0) != with_size(inputs[0], axis, 0))
      throw NetworkError("concat: " + text_of(inputs[0]) + " and " + text_of(shape) + " do not fit together");
  }
  return {{with_size(inputs[0], axis, size)}};
}

struct Padding {
  size_t axis;
  size_t before;
  size_t after;
  bool is_reflected;
};

void compute_pad(const Padding& padding, const Tensors& tensors) {
  const auto [outer, size, inner] = split_at(tensors.inputs[0].shape, padding.axis);
  const float* x = tensors.inputs[0].data;
  float* out = tensors.outputs[0].data;
  const auto fill = [&, inner = inner](size_t mirrored) {
    out = padding.is_reflected ? std::copy_n(x + mirrored * inner, inner, out) : std::fill_n(out, inner, 0.0F);
  };
  for (size_t i = 0; i < outer; ++i, x += size * inner) {
    for (size_t j = padding.before; j > 0; --j) fill(j);
    out = std::copy_n(x, size * inner, out);
    for (size_t j = 0; j < padding.after; ++j) fill(size - 2 - j);
  }
}

void compute_transpose(const std::vector<size_t>& order, const Tensors& tensors) {
  const auto& [x, x_shape] = tensors.inputs[0];
  const auto& [y, y_shape] = tensors.outputs[0];
  const size_t count = element_count(x_shape);
  // What one step along an axis of y is in x.
  std::vector<size_t> strides(order.size());
  for (size_t axis = 0; axis < order.size(); ++axis)
    strides[axis] = element_count(std::span(x_shape).subspan(order[axis] + 1));
  const size_t last = order.size() - 1;
  const size_t width = y_shape[last];
  std::vector<size_t> index(order.size());
  const float* from = x;
  for (size_t row = 0; row < count; row += width) {
    for (size_t i = 0; i < width; ++i) y[row + i] = from[i * strides[last]];
    for (size_t axis = last; axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < y_shape[axis]) break;
      from -= strides[axis] * y_shape[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

Operator concat(Fields& fields, const Kernels&) {
  const size_t axis = fields.size("axis");
  return {
      .inputs = fields.names("xs"),
      .outputs = {fields.name("y")},
      .layout = [axis](std::span<const Shape> inputs) { return concat_layout(axis, inputs); },
      .compute = [axis](const Tensors& tensors) { compute_concat(axis, tensors); },
  };
}

Operator pad(Fields& fields, const Kernels&) {
  const Padding padding{
      .axis = fields.size("axis"),
      .before = fields.size("before", 0),
      .after = fields.size("after", 0),
      .is_reflected = fields.choice("mode", {"zero", "reflect"}) == "reflect",
  };
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [padding](std::span<const Shape> inputs) {
            const size_t size = split_at(inputs[0], padding.axis).size;
            if (padding.is_reflected && std::max(padding.before, padding.after) >= size)
              throw NetworkError("pad: " + text_of(inputs[0]) + " has not enough elements to be reflected");
            return Layout{{with_size(inputs[0], padding.axis, padding.before + size + padding.after)}};
          },
      .compute = [padding](const Tensors& tensors) { compute_pad(padding, tensors); },
  };
}

Operator slice(Fields& fields, const Kernels&) {
  const size_t axis = fields.size("axis");
  const size_t begin = fields.size("begin");
  const size_t end = fields.size("end");
  if (begin >= end) fields.fail("nothing is from " + std::to_string(begin) + " to " + std::to_string(end));
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [axis, begin, end](std::span<const Shape> inputs) {
            if (split_at(inputs[0], axis).size < end)
              throw NetworkError("slice: " + text_of(inputs[0]) + " ends before " + std::to_string(end));
            return Layout{{with_size(inputs[0], axis, end - begin)}};
          },
      .compute =
          [axis, begin, end](const Tensors& tensors) {
            const auto [outer, size, inner] = split_at(tensors.inputs[0].shape, axis);
            float* out = tensors.outputs[0].data;
            for (size_t i = 0; i < outer; ++i)
              out = std::copy_n(tensors.inputs[0].data + (i * size + begin) * inner, (end - begin) * inner, out);
          },
  };
}

Operator reshape(Fields& fields, const Kernels&) {
  const Shape wanted = fields.sizes("shape");
  if (std::count(wanted.begin(), wanted.end(), 0) > 1) fields.fail("more than one size is left open");
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [wanted](std::span<const Shape> inputs) {
            const size_t count = element_count(inputs[0]);
            Shape shape = wanted;
            const auto open = std::find(shape.begin(), shape.end(), 0);
            if (open != shape.end()) {
              *open = 1;
              *open = count / element_count(shape);
            }
            if (element_count(shape) != count)
              throw NetworkError("reshape: " + text_of(inputs[0]) + " cannot become " + text_of(wanted));
            return Layout{{shape}};
          },
      .compute =
          [](const Tensors& tensors) {
            std::copy_n(tensors.inputs[0].data, element_count(tensors.inputs[0].shape), tensors.outputs[0].data);
          },
  };
}

Operator transpose(Fields& fields, const Kernels&) {
  const std::vector<size_t> order = fields.sizes("order");
  std::vector<size_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t axis = 0; axis < sorted.size(); ++axis)
    if (sorted[axis] != axis) fields.fail(text_of(order) + " is no order of axes");
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [order](std::span<const Shape> inputs) {
            if (inputs[0].size() != order.size())
              throw NetworkError("transpose: " + text_of(inputs[0]) + " has not as many axes as " + text_of(order));
            Shape shape;
            for (const size_t axis : order) shape.push_back(inputs[0][axis]);
            return Layout{{shape}};
          },
      .compute = [order](const Tensors& tensors) { compute_transpose(order, tensors); },
  };
}

}  // namespace network
