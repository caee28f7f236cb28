// Matrix products (GEMM) of many rows with packed weights. One inner loop serves all dtypes: every 32-bit lane of a vector
// holds one float, two bfloat16, two int16 or four int8 elements of the inner dimension, and accumulates their products in
// 32 bits. Fp32 is defined here; Int8, Int16 and BFloat16 are defined by the header of the level, in simd/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../memory_block.h"
#include "../simd/simd.h"

namespace WHISPER_CPU_LEVEL {

/** The dtype of a product in float32: its elements, its accumulators and how these are written into an operand. */
struct Fp32 {
  using Element = float;
  using Sum = Floats;
  static float from_float(float value) { return value; }
  static Sum zero() { return Sum{}; }
  /** Multiplies one lane of a row with a lane of each column, and accumulates. */
  static Sum add(Sum sum, Integers columns, int32_t row) {
    return multiply_add(Floats(columns), Floats(broadcast(row)), sum);
  }

  // Write the result of one product, a float in each lane, as an operand of the next product: as elements of a row, as one
  // input of consecutive outputs, or as consecutive inputs of one output, whose lanes are `panel_columns` apart.
  static void put_row(float* to, Floats values) { store(to, values); }
  static void put_input(float* lane, size_t, Floats values) { store(lane, values); }
  static void put_column(float* to, size_t panel_columns, Floats values) { store_strided(to, panel_columns, values); }
};

/** Elements of the inner dimension in a 32-bit lane. */
template <typename Dtype>
inline constexpr size_t elements_per_lane = sizeof(int32_t) / sizeof(typename Dtype::Element);

/** Columns that are multiplied together: two vectors of them, the low and the high half of a panel. */
inline constexpr size_t panel_columns = 2 * lanes;

/** A matrix in the order in which products read it: [panels][depth][panel_columns] lanes; depth is the inner dimension in lanes. */
template <typename Dtype>
class PackedMatrix {
 public:
  using Element = typename Dtype::Element;

  PackedMatrix() = default;
  /** A matrix of zeros; `inputs` are rounded up to lanes, `outputs` to panels. */
  PackedMatrix(size_t inputs, size_t outputs)
      : depth_((inputs + elements_per_lane<Dtype> - 1) / elements_per_lane<Dtype>),
        panels_((outputs + panel_columns - 1) / panel_columns),
        memory_(panels_ * depth_ * panel_columns * sizeof(int32_t)) {}

  size_t depth() const { return depth_; }
  size_t panels() const { return panels_; }
  const Element* panel(size_t index) const { return elements() + index * depth_ * panel_columns * elements_per_lane<Dtype>; }
  /** The lane that holds an input of an output. */
  Element* lane(size_t input, size_t output) {
    const size_t panel = output / panel_columns * depth_ * panel_columns;
    const size_t offset = input / elements_per_lane<Dtype> * panel_columns + output % panel_columns;
    return elements() + (panel + offset) * elements_per_lane<Dtype>;
  }

 private:
  Element* elements() const { return reinterpret_cast<Element*>(memory_.data()); }

  size_t depth_ = 0;
  size_t panels_ = 0;
  MemoryBlock memory_;
};

/** Rows of a row-major matrix. */
template <typename Dtype>
struct MatrixView {
  const typename Dtype::Element* first;
  /** Elements from one row to the next, a multiple of those in a lane. */
  size_t stride;
  size_t count;
};

namespace product {

inline constexpr size_t line_bytes = 64;
/** What a panel holds for one step along the depth. */
inline constexpr size_t step_bytes = panel_columns * sizeof(int32_t);
/**
 * Every so many steps a tile prefetches one step's bytes of the next panel, which would otherwise stall the product when
 * that panel begins. The whole panel has been prefetched after 96 rows.
 */
inline constexpr size_t prefetch_interval = 96 / tile_rows;

/** The sums of a row and a panel, for the low and the high half of its columns. */
template <typename Dtype>
struct PanelSums {
  typename Dtype::Sum low;
  typename Dtype::Sum high;
};

/**
 * The inner loop. It is not inlined, because compilers then spill its accumulators; passing the sums through memory costs
 * less than a hundredth of the time.
 *
 * @param columns a panel
 * @param next the part of the next panel that this tile prefetches; behind the last panel it may be any address
 */
template <typename Dtype, size_t row_count>
[[gnu::noinline]] void multiply_panel(const typename Dtype::Element* rows, size_t stride, const int32_t* columns,
                                  size_t depth, const char* next, PanelSums<Dtype>* sums) {
  typename Dtype::Sum low[row_count];
  typename Dtype::Sum high[row_count];
#pragma GCC unroll 12
  for (size_t row = 0; row < row_count; ++row) low[row] = high[row] = Dtype::zero();
  const auto add_step = [&](size_t k) __attribute__((always_inline)) {
    const Integers low_columns = load(columns + k * panel_columns);
    const Integers high_columns = load(columns + k * panel_columns + lanes);
#pragma GCC unroll 12
    for (size_t row = 0; row < row_count; ++row) {
      int32_t value;
      std::memcpy(&value, rows + row * stride + k * elements_per_lane<Dtype>, sizeof value);
      low[row] = Dtype::add(low[row], low_columns, value);
      high[row] = Dtype::add(high[row], high_columns, value);
    }
  };
  size_t k = 0;
  for (; k + prefetch_interval <= depth; k += prefetch_interval) {
    for (size_t at = 0; at < step_bytes; at += line_bytes) __builtin_prefetch(next + at, 0, 2);
    next += step_bytes;
    for (size_t i = 0; i < prefetch_interval; ++i) add_step(k + i);
  }
  for (; k < depth; ++k) add_step(k);
#pragma GCC unroll 12
  for (size_t row = 0; row < row_count; ++row) sums[row] = {low[row], high[row]};
}

template <typename Dtype, size_t row_count, typename Epilogue>
inline void multiply_tile(const MatrixView<Dtype>& rows, size_t first_row, const PackedMatrix<Dtype>& matrix,
                          size_t panel, const char* next, const Epilogue& epilogue) {
  PanelSums<Dtype> sums[row_count];
  multiply_panel<Dtype, row_count>(rows.first + first_row * rows.stride, rows.stride,
                              reinterpret_cast<const int32_t*>(matrix.panel(panel)), matrix.depth(), next, sums);
  for (size_t row = 0; row < row_count; ++row)
    epilogue(first_row + row, panel * panel_columns, sums[row].low, sums[row].high);
}

}  // namespace product

/** The stride of rows of so many elements: a cache line more than they take, so that rows do not conflict in the cache's sets. */
template <typename Dtype>
constexpr size_t padded_stride(size_t elements) {
  return elements + product::line_bytes / sizeof(typename Dtype::Element);
}

/**
 * Multiplies rows with a matrix. `epilogue(row, column, low, high)` gets the sums of the columns of a panel, which begins
 * at `column`: those of the first `lanes` columns in `low`, those of the next in `high`.
 */
template <typename Dtype, typename Epilogue>
inline void multiply_rows(const MatrixView<Dtype>& rows, const PackedMatrix<Dtype>& matrix, const Epilogue& epilogue) {
  const size_t depth = matrix.depth();
  const size_t share_bytes = depth / product::prefetch_interval * product::step_bytes;
  for (size_t panel = 0; panel < matrix.panels(); ++panel) {
    const char* next = reinterpret_cast<const char*>(matrix.panel(panel)) + depth * product::step_bytes;
    size_t row = 0;
    for (; row + tile_rows <= rows.count; row += tile_rows, next += share_bytes)
      product::multiply_tile<Dtype, tile_rows>(rows, row, matrix, panel, next, epilogue);
    for (; row + 4 <= rows.count; row += 4) product::multiply_tile<Dtype, 4>(rows, row, matrix, panel, next, epilogue);
    for (; row < rows.count; ++row) product::multiply_tile<Dtype, 1>(rows, row, matrix, panel, next, epilogue);
  }
}

}  // namespace WHISPER_CPU_LEVEL
