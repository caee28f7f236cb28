// Self-attention of the encoder. The scores of a few queries stay in the cache from their product with the keys
// to their product with the values: all of a layer's would be 72 MB for whisper-base.
#pragma once

#include <cmath>
#include <vector>

#include "attend_in_parallel.h"
#include "product.h"
#include "rows.h"

namespace WHISPER_CPU_LEVEL {

template <typename Dtype>
class EncoderAttention {
 public:
  using Element = typename Dtype::Element;
  /** Queries, keys and values are put a vector of channels at a time. */
  static constexpr bool takes_whole_rows = false;

  EncoderAttention(size_t positions, size_t state, size_t heads, size_t threads)
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
    for (size_t thread_index = 0; thread_index < threads; ++thread_index)
      scratch_.emplace_back(queries_at_once * columns, queries_at_once * columns);
  }

  // A vector of channels of a position, from `channel` on. Different threads may put different positions.
  void put_query(size_t position, size_t channel, Floats values) {
    Dtype::put_row(queries_.as<Element>() + position * state_ + channel, values * broadcast(query_scale_));
  }
  void put_key(size_t position, size_t channel, Floats values) {
    Dtype::put_column(keys_[channel / head_size_].lane(channel % head_size_, position), panel_columns, values);
  }
  void put_value(size_t position, size_t channel, Floats values) {
    Dtype::put_input(values_[channel / head_size_].lane(position, channel % head_size_), position, values);
  }

  /** @param attention_output f32 [positions, state] */
  void attend(ThreadPool& pool, Profile& profile, float* attention_output) {
    attend_in_parallel(pool, profile, keys_.size(), positions_,
                       [&](size_t head, size_t first, size_t count, size_t thread_index, Clock& clock) {
                         attend_rows(head, first, count, scratch_[thread_index], clock, attention_output);
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
                   float* attention_output) const {
    const size_t columns = keys_[head].panels() * panel_columns;
    auto* scores = scratch.scores.template as<float>();
    auto* weights = scratch.weights.template as<Element>();
    const MatrixView<Dtype> queries{queries_.as<Element>() + first * state_ + head * head_size_, state_, count};
    multiply_rows(queries, keys_[head], [&](size_t row, size_t column, Floats low, Floats high) {
      store(scores + row * columns + column, low);
      store(scores + row * columns + column + lanes, high);
    });
    clock.spent_on(Part::scores);
    float inverse_sums[queries_at_once];
    for (size_t row = 0; row < count; ++row) {
      Element* to = weights + row * columns;
      const auto put = [&](size_t i, Floats weight) { Dtype::put_row(to + i, weight); };
      inverse_sums[row] = 1.0F / softmax(scores + row * columns, positions_, columns, put);
    }
    clock.spent_on(Part::softmax);
    float* to = attention_output + first * state_ + head * head_size_;
    multiply_rows(MatrixView<Dtype>{weights, columns, count}, values_[head],
             [&](size_t row, size_t column, Floats low, Floats high) {
               const Floats scale = broadcast(inverse_sums[row]);
               if (column < head_size_) store(to + row * state_ + column, low * scale);
               if (column + lanes < head_size_) store(to + row * state_ + column + lanes, high * scale);
             });
    clock.spent_on(Part::weighted_values);
  }

  size_t positions_;
  size_t state_;
  size_t head_size_;
  float query_scale_;
  MemoryBlock queries_;
  std::vector<PackedMatrix<Dtype>> keys_;
  std::vector<PackedMatrix<Dtype>> values_;
  std::vector<Scratch> scratch_;
};

}  // namespace WHISPER_CPU_LEVEL
