// Products of many rows with a matrix. One inner loop serves all types: it multiplies groups of 32 bits, which are one
// float, two bfloat16, two shorts or four bytes, and adds what a group gives to one lane. Fp32 stands here; the others,
// Int8 and BFloat16, are choices of the level.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../memory_block.h"
#include "../simd/simd.h"

namespace WHISPER_CPU_LEVEL {

/** Floats as they are. */
struct Fp32 {
  using Element = float;
  using Sum = Floats;
  static float from_float(float value) { return value; }
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, Integers columns, int32_t row) {
    return multiply_add(Floats(columns), Floats(broadcast(row)), sum);
  }

  // How a matrix takes what another product gives, one float in each lane: as a part of a row, as one input of some
  // outputs, or as inputs of one output, whose groups are a panel's row apart.
  static void put_row(float* to, Floats values) { store(to, values); }
  static void put_input(float* group, size_t, Floats values) { store(group, values); }
  static void put_column(float* to, size_t panel_columns, Floats values) { store_strided(to, panel_columns, values); }
};

/** Elements in a group. */
template <typename Kind>
inline constexpr size_t group_size = sizeof(int32_t) / sizeof(typename Kind::Element);

/** Columns that are multiplied together, one group of each after the other. */
inline constexpr size_t panel_columns = 2 * lanes;

/** A matrix in the order that products read it: [panels][groups][panel_columns] groups. */
template <typename Kind>
class PackedMatrix {
 public:
  using Element = typename Kind::Element;

  PackedMatrix() = default;
  /** Of zeros; `inputs` are rounded up to groups, `outputs` to panels. */
  PackedMatrix(size_t inputs, size_t outputs)
      : groups_((inputs + group_size<Kind> - 1) / group_size<Kind>),
        panels_((outputs + panel_columns - 1) / panel_columns),
        memory_(panels_ * groups_ * panel_columns * sizeof(int32_t)) {}

  size_t groups() const { return groups_; }
  size_t panels() const { return panels_; }
  const Element* panel(size_t index) const { return elements() + index * groups_ * panel_columns * group_size<Kind>; }
  /** The group that holds an input of an output. */
  Element* group(size_t input, size_t output) {
    const size_t panel = output / panel_columns * groups_ * panel_columns;
    const size_t group = input / group_size<Kind> * panel_columns + output % panel_columns;
    return elements() + (panel + group) * group_size<Kind>;
  }

 private:
  Element* elements() const { return reinterpret_cast<Element*>(memory_.data()); }

  size_t groups_ = 0;
  size_t panels_ = 0;
  MemoryBlock memory_;
};

/** Rows of a row-major matrix. */
template <typename Kind>
struct MatrixView {
  const typename Kind::Element* first;
  /** Elements from one row to the next, a multiple of the group. */
  size_t stride;
  size_t count;
};

namespace product {

inline constexpr size_t line_bytes = 64;
/** What a panel has for a group of inputs. */
inline constexpr size_t group_bytes = panel_columns * sizeof(int32_t);
/**
 * After as many groups a tile prefetches as many bytes of the next panel as one group has, which else would come from
 * memory while nothing is computed: so the panel is there after 96 rows.
 */
inline constexpr size_t prefetch_interval = 96 / tile_rows;

/** The sums of a row and a panel. */
template <typename Kind>
struct PanelSums {
  typename Kind::Sum left;
  typename Kind::Sum right;
};

/**
 * A function of its own, because compilers take its registers away where it stands inside of others, whatever those do
 * behind it; the sums' way through memory costs less than a hundredth of their time.
 *
 * @param columns a panel
 * @param next where the tile's share of the next panel begins; behind the last panel it may be anywhere
 */
template <typename Kind, size_t row_count>
[[gnu::noinline]] void add_groups(const typename Kind::Element* rows, size_t stride, const int32_t* columns,
                                  size_t groups, const char* next, PanelSums<Kind>* sums) {
  typename Kind::Sum left[row_count];
  typename Kind::Sum right[row_count];
#pragma GCC unroll 12
  for (size_t row = 0; row < row_count; ++row) left[row] = right[row] = Kind::zero();
  const auto add_group = [&](size_t group) __attribute__((always_inline)) {
    const Integers left_columns = load(columns + group * panel_columns);
    const Integers right_columns = load(columns + group * panel_columns + lanes);
#pragma GCC unroll 12
    for (size_t row = 0; row < row_count; ++row) {
      int32_t value;
      std::memcpy(&value, rows + row * stride + group * group_size<Kind>, sizeof value);
      left[row] = Kind::add(left[row], left_columns, value);
      right[row] = Kind::add(right[row], right_columns, value);
    }
  };
  size_t group = 0;
  for (; group + prefetch_interval <= groups; group += prefetch_interval) {
    for (size_t at = 0; at < group_bytes; at += line_bytes) __builtin_prefetch(next + at, 0, 2);
    next += group_bytes;
    for (size_t i = 0; i < prefetch_interval; ++i) add_group(group + i);
  }
  for (; group < groups; ++group) add_group(group);
#pragma GCC unroll 12
  for (size_t row = 0; row < row_count; ++row) sums[row] = {left[row], right[row]};
}

template <typename Kind, size_t row_count, typename Epilogue>
inline void multiply_tile(const MatrixView<Kind>& rows, size_t first_row, const PackedMatrix<Kind>& matrix,
                          size_t panel, const char* next, const Epilogue& epilogue) {
  PanelSums<Kind> sums[row_count];
  add_groups<Kind, row_count>(rows.first + first_row * rows.stride, rows.stride,
                              reinterpret_cast<const int32_t*>(matrix.panel(panel)), matrix.groups(), next, sums);
  for (size_t row = 0; row < row_count; ++row)
    epilogue(first_row + row, panel * panel_columns, sums[row].left, sums[row].right);
}

}  // namespace product

/** From one row to the next where rows are multiplied: a line more than the elements, against conflicts in a cache's sets. */
template <typename Kind>
constexpr size_t stride_of(size_t elements) {
  return elements + product::line_bytes / sizeof(typename Kind::Element);
}

/**
 * Multiplies rows with a matrix; `epilogue(row, column, left, right)` gets the sums of as many columns as there are lanes
 * from `column` on, and of as many behind them.
 */
template <typename Kind, typename Epilogue>
inline void multiply_rows(const MatrixView<Kind>& rows, const PackedMatrix<Kind>& matrix, const Epilogue& epilogue) {
  const size_t groups = matrix.groups();
  const size_t share_bytes = groups / product::prefetch_interval * product::group_bytes;
  for (size_t panel = 0; panel < matrix.panels(); ++panel) {
    const char* next = reinterpret_cast<const char*>(matrix.panel(panel)) + groups * product::group_bytes;
    size_t row = 0;
    for (; row + tile_rows <= rows.count; row += tile_rows, next += share_bytes)
      product::multiply_tile<Kind, tile_rows>(rows, row, matrix, panel, next, epilogue);
    for (; row + 4 <= rows.count; row += 4) product::multiply_tile<Kind, 4>(rows, row, matrix, panel, next, epilogue);
    for (; row < rows.count; ++row) product::multiply_tile<Kind, 1>(rows, row, matrix, panel, next, epilogue);
  }
}

}  // namespace WHISPER_CPU_LEVEL
