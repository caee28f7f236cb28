#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "operators.h"
#include "spatial.h"

namespace network {
namespace {

struct Pooling {
  size_t axes;
  Extent kernel;
  Extent stride;
  Extent padding;
  bool rounds_up;
};

Pooling pooling_of(Fields& fields) {
  const std::vector<size_t> kernel = fields.sizes("kernel");
  const size_t axes = kernel.size();
  if (axes > 2 || std::find(kernel.begin(), kernel.end(), 0) != kernel.end())
    fields.fail("the kernel is " + text_of(kernel));
  std::vector<size_t> stride = fields.sizes("stride", axes, 0);
  for (size_t axis = 0; axis < axes; ++axis)
    if (stride[axis] == 0) stride[axis] = kernel[axis];
  const std::vector<size_t> padding = fields.sizes("padding", axes, 0);
  for (size_t axis = 0; axis < axes; ++axis)
    if (padding[axis] >= kernel[axis]) fields.fail("a window would see nothing but padding");
  return {axes, extent_of(kernel, 1), extent_of(stride, 1), extent_of(padding, 0),
          fields.choice("rounding", {"down", "up"}) == "up"};
}

size_t output_size(size_t size, size_t kernel, size_t stride, size_t padding, bool rounds_up) {
  const size_t padded = size + 2 * padding + (rounds_up ? stride - 1 : 0);
  if (padded < kernel)
    throw NetworkError("a window of " + std::to_string(kernel) + " does not fit into " + std::to_string(size));
  const size_t count = (padded - kernel) / stride + 1;
  // No window begins behind the last element.
  return rounds_up && (count - 1) * stride >= size + padding ? count - 1 : count;
}

SpatialShape output_shape(const Pooling& pooling, const SpatialShape& x) {
  const auto& [axes, kernel, stride, padding, rounds_up] = pooling;
  return {x.batch,
          {output_size(x.size.height, kernel.height, stride.height, padding.height, rounds_up),
           output_size(x.size.width, kernel.width, stride.width, padding.width, rounds_up)},
          x.channels};
}

/** The elements that a window really sees along one axis. */
struct Range {
  size_t begin;
  size_t end;
};

Range seen(size_t index, size_t size, size_t kernel, size_t stride, size_t padding) {
  const size_t begin = index * stride;  // counted from the padding's beginning
  return {std::max(begin, padding) - padding, std::min(begin + kernel, size + padding) - padding};
}

/** @param pool (x, y, count), joins a row of a window to what was seen of it */
template <typename Pool, typename Finish>
void for_windows(const Pooling& pooling, const Tensors& tensors, float initial, Pool pool, Finish finish) {
  const SpatialShape x = spatial_shape(tensors.inputs[0].shape, pooling.axes);
  const SpatialShape y = output_shape(pooling, x);
  const float* image = tensors.inputs[0].data;
  float* out = tensors.outputs[0].data;
  for (size_t n = 0; n < x.batch; ++n, image += x.size.height * x.size.width * x.channels) {
    for (size_t h = 0; h < y.size.height; ++h) {
      const Range rows = seen(h, x.size.height, pooling.kernel.height, pooling.stride.height, pooling.padding.height);
      for (size_t w = 0; w < y.size.width; ++w, out += x.channels) {
        const Range columns = seen(w, x.size.width, pooling.kernel.width, pooling.stride.width, pooling.padding.width);
        std::fill_n(out, x.channels, initial);
        for (size_t row = rows.begin; row < rows.end; ++row)
          for (size_t column = columns.begin; column < columns.end; ++column)
            pool(image + (row * x.size.width + column) * x.channels, out, x.channels);
        finish((rows.end - rows.begin) * (columns.end - columns.begin), out, x.channels);
      }
    }
  }
}

auto layout_of(const Pooling& pooling) {
  return [pooling](std::span<const Shape> inputs) {
    return Layout{{shape_of(output_shape(pooling, spatial_shape(inputs[0], pooling.axes)), pooling.axes)}};
  };
}

/** x [batch, ..., channels] as one sequence for each of the batch. */
SpatialShape flattened(const Shape& x) {
  if (x.size() < 3) throw NetworkError(text_of(x) + " is no sequence or image");
  return {x.front(), {1, element_count(x) / x.front() / x.back()}, x.back()};
}

}  // namespace

Operator max_pool(Fields& fields, const Kernels& kernels) {
  const Pooling pooling = pooling_of(fields);
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout = layout_of(pooling),
      .compute =
          [pooling, &kernels](const Tensors& tensors) {
            const float lowest = -std::numeric_limits<float>::infinity();
            for_windows(pooling, tensors, lowest, kernels.keep_maximum, [](size_t, float*, size_t) {});
          },
  };
}

Operator average_pool(Fields& fields, const Kernels& kernels) {
  const Pooling pooling = pooling_of(fields);
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout = layout_of(pooling),
      .compute =
          [pooling, &kernels](const Tensors& tensors) {
            const auto divide = [&](size_t seen_count, float* out, size_t channels) {
              kernels.scale(1.0F / static_cast<float>(seen_count), out, channels);
            };
            for_windows(pooling, tensors, 0.0F, kernels.accumulate, divide);
          },
  };
}

Operator mean(Fields& fields, const Kernels& kernels) {
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [](std::span<const Shape> inputs) {
            const SpatialShape x = flattened(inputs[0]);
            return Layout{{{x.batch, 1, x.channels}}};
          },
      .compute =
          [&kernels](const Tensors& tensors) {
            const SpatialShape x = flattened(tensors.inputs[0].shape);
            std::vector<double> means(x.channels);
            for (size_t n = 0; n < x.batch; ++n) {
              kernels.moments(tensors.inputs[0].data + n * x.size.width * x.channels, x.size.width, x.channels,
                              means.data(), nullptr);
              float* out = tensors.outputs[0].data + n * x.channels;
              for (size_t i = 0; i < x.channels; ++i) out[i] = static_cast<float>(means[i]);
            }
          },
  };
}

Operator statistics_pool(Fields& fields, const Kernels& kernels) {
  const size_t less = fields.choice("divisor", {"count", "countLessOne"}) == "count" ? 0 : 1;
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout =
          [less](std::span<const Shape> inputs) {
            const SpatialShape x = flattened(inputs[0]);
            if (x.size.width <= less) throw NetworkError("statisticsPool: one element has no standard deviation");
            return Layout{{{x.batch, 2 * x.channels}}};
          },
      .compute =
          [less, &kernels](const Tensors& tensors) {
            const SpatialShape x = flattened(tensors.inputs[0].shape);
            std::vector<double> means(x.channels);
            std::vector<double> squared_deviations(x.channels);
            for (size_t n = 0; n < x.batch; ++n) {
              kernels.moments(tensors.inputs[0].data + n * x.size.width * x.channels, x.size.width, x.channels,
                              means.data(), squared_deviations.data());
              float* out = tensors.outputs[0].data + n * 2 * x.channels;
              for (size_t i = 0; i < x.channels; ++i) {
                out[i] = static_cast<float>(means[i]);
                const double variance = squared_deviations[i] / static_cast<double>(x.size.width - less);
                out[x.channels + i] = static_cast<float>(std::sqrt(variance));
              }
            }
          },
  };
}

}  // namespace network
