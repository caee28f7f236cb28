// Sequences and images as one: a sequence is an image of height 1.
#pragma once

#include "../operator.h"

namespace network {

/** Figures of the two axes of an image; those of a sequence have `without` for the height. */
struct Extent {
  size_t height;
  size_t width;
};

struct SpatialShape {
  size_t batch;
  Extent size;
  size_t channels;
};

/** @param values one for a sequence, two for an image */
inline Extent extent_of(std::span<const size_t> values, size_t without) {
  return values.size() == 1 ? Extent{without, values[0]} : Extent{values[0], values[1]};
}

/** @throws NetworkError where the shape is not that of a sequence (axes = 1) or an image (axes = 2) */
inline SpatialShape spatial_shape(const Shape& shape, size_t axes) {
  if (shape.size() != axes + 2)
    throw NetworkError(text_of(shape) + " is no " + (axes == 1 ? "sequence" : "image"));
  return {shape.front(), extent_of(std::span(shape).subspan(1, axes), 1), shape.back()};
}

/** The other way round. */
inline Shape shape_of(const SpatialShape& shape, size_t axes) {
  if (axes == 1) return {shape.batch, shape.size.width, shape.channels};
  return {shape.batch, shape.size.height, shape.size.width, shape.channels};
}

}  // namespace network
