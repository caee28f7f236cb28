// Products of many rows with a matrix. One inner loop serves all types: it multiplies groups of 32 bits, which are one
// float, two bfloat16 or four bytes, and adds what a group gives to one lane.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "memory_block.h"
#include "simd.h"

/** Floats as they are. */
struct Single {
  using Element = float;
  using Sum = Floats;
  static float narrow(float value) { return value; }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum add(Sum sum, __m512i columns, int32_t row) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(columns), _mm512_castsi512_ps(_mm512_set1_epi32(row)), sum);
  }
};

/** Pairs of bfloat16, added in floats. */
struct BFloat16 {
  using Element = uint16_t;
  using Sum = Floats;
  static uint16_t narrow(float value) { return bfloat16_of(value); }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum add(Sum sum, __m512i columns, int32_t row) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(columns), reinterpret_cast<__m512bh>(_mm512_set1_epi32(row)));
  }
};

/** Four signed bytes of a row by four of a column that are stored 128 higher, added in integers. */
struct Bytes {
  using Element = int8_t;
  using Sum = Integers;
  static Sum zero() { return Sum{}; }
  static Sum add(Sum sum, __m512i columns, int32_t row) {
    return Sum(_mm512_dpbusd_epi32(__m512i(sum), columns, _mm512_set1_epi32(row)));
  }
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
struct Rows {
  const typename Kind::Element* first;
  /** Elements from one row to the next, a multiple of the group. */
  size_t stride;
  size_t count;
};

namespace product {

/** As many rows as have their sums in registers: 12 times 2 of the 32, and the columns'. */
inline constexpr size_t tile_rows = 12;

/**
 * Each tile asks for an eighth of the panel behind its own, which else would come from memory while nothing is computed: as
 * many cache lines, spread over its work.
 */
inline constexpr size_t share_asked_for = 8;
inline constexpr size_t line_bytes = 64;

/** @param next where the tile's share of the next panel begins; behind the last panel it may be anywhere */
template <typename Kind, size_t row_count, typename Finish>
inline void multiply_tile(const Rows<Kind>& rows, size_t first_row, const PackedMatrix<Kind>& matrix, size_t panel,
                          const char* next, const Finish& finish) {
  typename Kind::Sum left[row_count];
  typename Kind::Sum right[row_count];
#pragma GCC unroll 12
  for (size_t row = 0; row < row_count; ++row) left[row] = right[row] = Kind::zero();
  const auto* row_groups = rows.first + first_row * rows.stride;
  const auto* columns = reinterpret_cast<const __m512i*>(matrix.panel(panel));
  const size_t groups = matrix.groups();
  const auto add_group = [&](size_t group) __attribute__((always_inline)) {
    const __m512i left_columns = columns[2 * group];
    const __m512i right_columns = columns[2 * group + 1];
#pragma GCC unroll 12
    for (size_t row = 0; row < row_count; ++row) {
      int32_t value;
      std::memcpy(&value, row_groups + row * rows.stride + group * group_size<Kind>, sizeof value);
      left[row] = Kind::add(left[row], left_columns, value);
      right[row] = Kind::add(right[row], right_columns, value);
    }
  };
  size_t group = 0;
  for (; group + share_asked_for <= groups; group += share_asked_for) {
    // A group of a panel is two lines.
    _mm_prefetch(next, _MM_HINT_T1);
    _mm_prefetch(next + line_bytes, _MM_HINT_T1);
    next += 2 * line_bytes;
    for (size_t i = 0; i < share_asked_for; ++i) add_group(group + i);
  }
  for (; group < groups; ++group) add_group(group);
#pragma GCC unroll 12
  for (size_t row = 0; row < row_count; ++row)
    finish(first_row + row, panel * panel_columns, left[row], right[row]);
}

}  // namespace product

/**
 * From one row to the next where rows are multiplied: a line more than the elements, because rows a power of two apart get
 * in each other's way in the nearest cache.
 */
template <typename Kind>
constexpr size_t stride_of(size_t elements) {
  return elements + product::line_bytes / sizeof(typename Kind::Element);
}

/**
 * Multiplies rows with a matrix; `finish(row, column, left, right)` gets the sums of 16 columns from `column` on and of
 * the 16 behind them.
 */
template <typename Kind, typename Finish>
inline void multiply(const Rows<Kind>& rows, const PackedMatrix<Kind>& matrix, const Finish& finish) {
  const size_t groups = matrix.groups();
  const size_t share_bytes = groups / product::share_asked_for * 2 * product::line_bytes;
  for (size_t panel = 0; panel < matrix.panels(); ++panel) {
    const char* next = reinterpret_cast<const char*>(matrix.panel(panel)) + groups * 2 * product::line_bytes;
    size_t row = 0;
    for (; row + product::tile_rows <= rows.count; row += product::tile_rows, next += share_bytes)
      product::multiply_tile<Kind, product::tile_rows>(rows, row, matrix, panel, next, finish);
    for (; row + 4 <= rows.count; row += 4) product::multiply_tile<Kind, 4>(rows, row, matrix, panel, next, finish);
    for (; row < rows.count; ++row) product::multiply_tile<Kind, 1>(rows, row, matrix, panel, next, finish);
  }
}
