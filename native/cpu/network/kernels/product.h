// Products of rows with a matrix: a tile of rows and panels has its sums in registers.
#pragma once

#include <algorithm>
#include <cstddef>

#include "../../simd/simd.h"
#include "../kernels.h"

namespace network::WHISPER_CPU_LEVEL {
namespace {

namespace simd = ::WHISPER_CPU_LEVEL;

inline constexpr size_t panel_vectors = panel_width / simd::lanes;
/** As many rows as have their sums in registers, beside a panel's weights and a row's element. */
inline constexpr size_t tile_rows = std::min<size_t>(6, (simd::register_count - panel_vectors - 1) / panel_vectors);

/** Sums that must be under way at the same time to keep multipliers busy: two a cycle, each of which takes four. */
inline constexpr size_t sums_under_way = 8;

/** Panels that so few rows take together. */
template <size_t rows>
inline constexpr size_t tile_panels = (sums_under_way + rows * panel_vectors - 1) / (rows * panel_vectors);

template <size_t rows, size_t panels>
inline void multiply_tile(const Product& product, const float* const* x, size_t first_row, size_t first_panel) {
  constexpr size_t width = panels * panel_vectors;
  const size_t depth = product.segment_count * product.segment_length;
  const float* weights = product.weights + first_panel * depth * panel_width;
  float* out = product.out + first_row * product.out_stride + first_panel * panel_width;
  const bool is_whole = (first_panel + panels) * panel_width <= product.outputs;
  const size_t last_width = product.outputs - first_panel * panel_width;  // counts where it is not whole

  simd::Floats sums[rows][width];
#pragma GCC unroll 12
  for (size_t row = 0; row < rows; ++row)
#pragma GCC unroll 16
    for (size_t i = 0; i < width; ++i) sums[row][i] = simd::broadcast(0.0F);
  const auto add_element = [&](size_t offset) __attribute__((always_inline)) {
    simd::Floats columns[width];
#pragma GCC unroll 16
    for (size_t i = 0; i < width; ++i)
      columns[i] = simd::load(weights + i / panel_vectors * depth * panel_width + i % panel_vectors * simd::lanes);
    weights += panel_width;
#pragma GCC unroll 12
    for (size_t row = 0; row < rows; ++row) {
      const simd::Floats value = simd::broadcast(x[row][offset]);
#pragma GCC unroll 16
      for (size_t i = 0; i < width; ++i) sums[row][i] = simd::multiply_add(value, columns[i], sums[row][i]);
    }
  };
  if (product.segment_count == 1) {
    for (size_t k = 0; k < product.segment_length; ++k) add_element(product.segments[0] + k);
  } else {
    for (size_t k = 0; k < product.segment_length; ++k)
      for (size_t segment = 0; segment < product.segment_count; ++segment) add_element(product.segments[segment] + k);
  }

#pragma GCC unroll 12
  for (size_t row = 0; row < rows; ++row) {
    float* to = out + row * product.out_stride;
    const float* start = product.bias == nullptr ? to : product.bias + first_panel * panel_width;
    if (is_whole) {
#pragma GCC unroll 16
      for (size_t i = 0; i < width; ++i) simd::store(to + i * simd::lanes, simd::load(start + i * simd::lanes) + sums[row][i]);
    } else {
      // The last panel, where memory ends before it does.
      float edge[panels * panel_width];
#pragma GCC unroll 16
      for (size_t i = 0; i < width; ++i) simd::store(edge + i * simd::lanes, sums[row][i]);
      for (size_t i = 0; i < last_width; ++i) to[i] = start[i] + edge[i];
    }
  }
}

/** All panels of `tiles` tiles one below the other. */
template <size_t rows>
inline void multiply_tiles(size_t tiles, const Product& product, const float* const* x, size_t first_row) {
  constexpr size_t together = tile_panels<rows>;
  const size_t panel_count = (product.outputs + panel_width - 1) / panel_width;
  size_t panel = 0;
  for (; panel + together <= panel_count; panel += together)
    for (size_t row = 0; row < tiles * rows; row += rows)
      multiply_tile<rows, together>(product, x + row, first_row + row, panel);
  if constexpr (together > 1) {
    for (; panel < panel_count; ++panel)
      for (size_t row = 0; row < tiles * rows; row += rows)
        multiply_tile<rows, 1>(product, x + row, first_row + row, panel);
  }
}

/** One tile of `count` rows, at most `rows`. */
template <size_t rows>
inline void multiply_last_tile(size_t count, const Product& product, const float* const* x, size_t first_row) {
  if constexpr (rows > 0) {
    if (count == rows) return multiply_tiles<rows>(1, product, x, first_row);
    multiply_last_tile<rows - 1>(count, product, x, first_row);
  }
}

/** Tiles that go through all panels before the next ones: what they read stays in the second-level cache. */
inline constexpr size_t block_rows = 8 * tile_rows;

void product(const Product& product) {
  const RowGrid& grid = product.grid;
  const float* rows[block_rows];
  size_t n = 0;
  size_t h = 0;
  size_t w = 0;
  for (size_t first = 0; first < product.rows; first += block_rows) {
    const size_t count = product.rows - first < block_rows ? product.rows - first : block_rows;
    for (size_t row = 0; row < count; ++row) {
      rows[row] = product.x + n * grid.batch_stride + h * grid.height_stride + w * grid.width_stride;
      if (++w < grid.width) continue;
      w = 0;
      if (++h < grid.height) continue;
      h = 0;
      ++n;
    }
    const size_t tiles = count / tile_rows;
    multiply_tiles<tile_rows>(tiles, product, rows, first);
    multiply_last_tile<tile_rows - 1>(count % tile_rows, product, rows + tiles * tile_rows, first + tiles * tile_rows);
  }
}

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
