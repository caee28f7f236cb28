// Attention of an audio window to itself. The scores of a few queries stay in the cache from their product with the keys
// to their product with the values: all of a layer's would be 72 MB for whisper-base.
#pragma once

#include <cmath>
#include <vector>

#include "product.h"
#include "profile.h"
#include "rows.h"
#include "team.h"

/** How a type of elements takes what linear layers give, 16 floats at a time. */
template <typename Kind>
struct Lanes;

template <>
struct Lanes<Single> {
  static void put_row(float* to, Floats values) { store(to, values); }
  /** As inputs of one output: groups one panel row apart. */
  static void put_column(float* to, Floats values) {
    const __m512i steps = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    _mm512_i32scatter_ps(to, _mm512_mullo_epi32(steps, _mm512_set1_epi32(panel_columns)), values, sizeof(float));
  }
  /** As one input of 16 outputs. */
  static void put_input(PackedMatrix<Single>& matrix, size_t input, size_t output, Floats values) {
    store(matrix.group(input, output), values);
  }
};

template <>
struct Lanes<BFloat16> {
  static void put_row(uint16_t* to, Floats values) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bfloat16_of(values));
  }
  static void put_column(uint16_t* to, Floats values) {
    const __m256i steps = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    const __m256i places = _mm256_mullo_epi32(steps, _mm256_set1_epi32(panel_columns));
    _mm256_i32scatter_epi32(reinterpret_cast<int*>(to), places, bfloat16_of(values), sizeof(int32_t));
  }
  /** Half of each group: the other half is the input beside it. */
  static void put_input(PackedMatrix<BFloat16>& matrix, size_t input, size_t output, Floats values) {
    const __m512i low = _mm512_cvtepu16_epi32(bfloat16_of(values));
    const bool is_odd = input % 2 != 0;
    const __m512i halves = is_odd ? _mm512_slli_epi32(low, 16) : low;
    _mm512_mask_storeu_epi16(matrix.group(input, output), is_odd ? 0xaaaaaaaaU : 0x55555555U, halves);
  }
};

template <typename Kind>
class EncoderAttention {
 public:
  using Element = typename Kind::Element;

  EncoderAttention(size_t positions, size_t state, size_t heads, size_t members)
      : positions_(positions),
        state_(state),
        head_size_(state / heads),
        query_scale_(log2_e / std::sqrt(static_cast<float>(head_size_))),
        queries_(positions * state * sizeof(Element)) {
    for (size_t head = 0; head < heads; ++head) {
      keys_.emplace_back(head_size_, positions);
      values_.emplace_back(positions, head_size_);
    }
    const size_t columns = keys_.front().panels() * panel_columns;
    for (size_t member = 0; member < members; ++member)
      scratch_.emplace_back(product::tile_rows * columns, product::tile_rows * columns);
  }

  // Of a position, 16 channels from a multiple of 16 on. Different positions may be put by different threads.
  void put_query(size_t position, size_t channel, Floats values) {
    Lanes<Kind>::put_row(queries_.as<Element>() + position * state_ + channel, values * all(query_scale_));
  }
  void put_key(size_t position, size_t channel, Floats values) {
    Lanes<Kind>::put_column(keys_[channel / head_size_].group(channel % head_size_, position), values);
  }
  void put_value(size_t position, size_t channel, Floats values) {
    Lanes<Kind>::put_input(values_[channel / head_size_], position, channel % head_size_, values);
  }

  /** @param attended f32 [positions, state] */
  void attend(Team& team, Profile& profile, float* attended) {
    constexpr size_t rows_per_item = 5 * product::tile_rows;
    const size_t items_per_head = (positions_ + rows_per_item - 1) / rows_per_item;
    team.each(keys_.size() * items_per_head, [&](size_t item, size_t member) {
      const size_t head = item / items_per_head;
      const size_t end = std::min(positions_, (item % items_per_head + 1) * rows_per_item);
      Clock& clock = profile.clock(member);
      clock.start();
      for (size_t row = item % items_per_head * rows_per_item; row < end; row += product::tile_rows)
        attend_rows(head, row, std::min(product::tile_rows, end - row), scratch_[member], clock, attended);
    });
  }

 private:
  struct Scratch {
    Scratch(size_t score_count, size_t weight_count)
        : scores(score_count * sizeof(float)), weights(weight_count * sizeof(Element)) {}
    MemoryBlock scores;
    MemoryBlock weights;
  };

  void attend_rows(size_t head, size_t first, size_t count, const Scratch& scratch, Clock& clock,
                   float* attended) const {
    const size_t columns = keys_[head].panels() * panel_columns;
    auto* scores = scratch.scores.template as<float>();
    auto* weights = scratch.weights.template as<Element>();
    const Rows<Kind> queries{queries_.as<Element>() + first * state_ + head * head_size_, state_, count};
    multiply(queries, keys_[head], [&](size_t row, size_t column, Floats left, Floats right) {
      store(scores + row * columns + column, left);
      store(scores + row * columns + column + lanes, right);
    });
    clock.spent_on(Part::scores);
    float inverse_sums[product::tile_rows];
    for (size_t row = 0; row < count; ++row) {
      Element* to = weights + row * columns;
      const auto put = [&](size_t i, Floats weight) { Lanes<Kind>::put_row(to + i, weight); };
      inverse_sums[row] = 1.0F / softmax(scores + row * columns, positions_, columns, put);
    }
    clock.spent_on(Part::softmax);
    float* to = attended + first * state_ + head * head_size_;
    multiply(Rows<Kind>{weights, columns, count}, values_[head],
             [&](size_t row, size_t column, Floats left, Floats right) {
               const Floats scale = all(inverse_sums[row]);
               if (column < head_size_) store(to + row * state_ + column, left * scale);
               if (column + lanes < head_size_) store(to + row * state_ + column + lanes, right * scale);
             });
    clock.spent_on(Part::mixing);
  }

  size_t positions_;
  size_t state_;
  size_t head_size_;
  float query_scale_;
  MemoryBlock queries_;
  std::vector<PackedMatrix<Kind>> keys_;
  std::vector<PackedMatrix<Kind>> values_;
  std::vector<Scratch> scratch_;
};
