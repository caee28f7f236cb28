// Self-attention of the encoder in int16, two of which are multiplied and added in the time of one float. They keep more
// precision than bfloat16: queries, keys and values have a scale for every position of a head. The attention weights of a
// query have a scale that limits their sum to 2^18, so that sums of products use 32 bits and never overflow.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "attend_in_parallel.h"
#include "product.h"
#include "rows.h"

namespace WHISPER_CPU_LEVEL {

/** @tparam Dtype the level's dtype for products of int16 */
template <typename Dtype>
class Int16Attention {
 public:
  /** Queries, keys and values are put in whole rows, because a scale needs all channels of a head. */
  static constexpr bool takes_whole_rows = true;

  Int16Attention(size_t positions, size_t state, size_t heads, size_t threads)
      : positions_(positions),
        state_(state),
        head_size_(state / heads),
        query_scale_(log2_e / std::sqrt(static_cast<float>(head_size_))),
        queries_(positions * state * sizeof(int16_t)) {
    for (size_t head = 0; head < heads; ++head) heads_.emplace_back(positions, head_size_);
    const size_t columns = heads_.front().columns();
    for (size_t thread_index = 0; thread_index < threads; ++thread_index) scratch_.emplace_back(queries_at_once * columns);
  }

  // A position's row, f32 [state]. Different threads may put different positions.
  void put_query(size_t position, const float* row) {
    for (size_t index = 0; index < heads_.size(); ++index) {
      const size_t channel = index * head_size_;
      const float scale = quantise(row + channel, max_query, queries_.as<int16_t>() + position * state_ + channel);
      heads_[index].query_scales[position] = scale * query_scale_;
    }
  }
  void put_key(size_t position, const float* row) {
    for (size_t index = 0; index < heads_.size(); ++index) {
      Head& head = heads_[index];
      int16_t key[max_head_size];
      head.key_scales[position] = quantise(row + index * head_size_, max_query, key);
      for (size_t channel = 0; channel < head_size_; channel += 2)
        std::memcpy(head.keys.lane(channel, position), key + channel, sizeof(int32_t));
    }
  }
  void put_value(size_t position, const float* row) {
    for (size_t index = 0; index < heads_.size(); ++index) {
      Head& head = heads_[index];
      int16_t value[max_head_size];
      head.value_scales[position] = quantise(row + index * head_size_, max_value, value);
      for (size_t channel = 0; channel < head_size_; ++channel)
        head.values.lane(position, channel)[position % 2] = value[channel];
    }
  }

  /** @param attention_output f32 [positions, state] */
  void attend(ThreadPool& pool, Profile& profile, float* attention_output) {
    attend_in_parallel(pool, profile, heads_.size(), positions_,
                       [&](size_t head, size_t first, size_t count, size_t thread_index, Clock& clock) {
                         attend_rows(head, first, count, scratch_[thread_index], clock, attention_output);
                       });
  }

 private:
  /** Of the head sizes that dimensions.h allows. */
  static constexpr size_t max_head_size = 64;
  /** The sum of 64 products of a query and a key stays below 2^31. */
  static constexpr float max_query = 5792.0F;
  /** Times the largest sum of weights, 2^18, this is 2^31. */
  static constexpr float max_value = 8191.0F;
  static constexpr float max_weight = 32'767.0F;

  struct Head {
    Head(size_t positions, size_t size)
        : keys(size, positions),
          values(positions, size),
          query_scales(positions),
          key_scales(columns()),
          value_scales(columns()) {}
    /** Positions, rounded up as the scores are. */
    size_t columns() const { return keys.panels() * panel_columns; }

    PackedMatrix<Dtype> keys;
    PackedMatrix<Dtype> values;
    std::vector<float> query_scales;
    std::vector<float> key_scales;
    std::vector<float> value_scales;
  };

  struct Scratch {
    explicit Scratch(size_t count) : scores(count * sizeof(float)), weights(count * sizeof(int16_t)) {}
    MemoryBlock scores;
    MemoryBlock weights;
  };

  /** Rounds a head's channels to integers up to `largest`; returns their scale. */
  float quantise(const float* from, float largest, int16_t* to) const {
    const float scale = std::max(largest_magnitude(from, head_size_), 1e-10F) / largest;
    const Floats inverse = broadcast(1.0F / scale);
    for (size_t i = 0; i < head_size_; i += lanes) Dtype::put(to + i, to_integers(load(from + i) * inverse));
    return scale;
  }

  /**
   * The attention weights of a row of scores, multiplied by the scales of the values and quantised to int16.
   *
   * @returns the scale that sums of products of these weights with the values are multiplied by
   */
  float quantised_softmax(const Head& head, float* scores, int16_t* weights) const {
    const size_t columns = head.columns();
    const float* scales = head.value_scales.data();
    Floats sum = Floats{};
    Floats largest = Floats{};
    const float sum_of_weights = softmax(scores, positions_, columns, [&](size_t i, Floats weight) {
      const Floats scaled = weight * load(scales + i);
      store(scores + i, scaled);
      sum += scaled;
      largest = maximum(scaled, largest);
    });
    // Rounding adds half to a weight at most.
    const float largest_sum = 262'144.0F - static_cast<float>(positions_) / 2.0F;
    const float factor = std::min(max_weight / maximum_of(largest), largest_sum / sum_of(sum));
    Integers rounded_sum{};
    for (size_t i = 0; i < columns; i += lanes) {
      const Integers rounded = to_integers(load(scores + i) * broadcast(factor));
      Dtype::put(weights + i, rounded);
      rounded_sum += rounded;
    }
    // Divided by the sum of the rounded weights, because equal weights are all rounded in the same direction.
    return sum_of(sum) / (static_cast<float>(sum_of(rounded_sum)) * sum_of_weights);
  }

  void attend_rows(size_t index, size_t first, size_t count, const Scratch& scratch, Clock& clock,
                   float* attention_output) const {
    const Head& head = heads_[index];
    const size_t columns = head.columns();
    auto* scores = scratch.scores.template as<float>();
    auto* weights = scratch.weights.template as<int16_t>();
    const MatrixView<Dtype> queries{queries_.as<int16_t>() + first * state_ + index * head_size_, state_, count};
    multiply_rows(queries, head.keys, [&](size_t row, size_t column, Integers low, Integers high) {
      const Floats scale = broadcast(head.query_scales[first + row]);
      const auto put = [&](size_t at, Integers sum) {
        store(scores + row * columns + at, to_floats(sum) * (scale * load(head.key_scales.data() + at)));
      };
      put(column, low);
      put(column + lanes, high);
    });
    clock.spent_on(Part::scores);
    float scales[queries_at_once];
    for (size_t row = 0; row < count; ++row) scales[row] = quantised_softmax(head, scores + row * columns, weights + row * columns);
    clock.spent_on(Part::softmax);
    float* to = attention_output + first * state_ + index * head_size_;
    multiply_rows(MatrixView<Dtype>{weights, columns, count}, head.values,
                  [&](size_t row, size_t column, Integers low, Integers high) {
                    const auto put = [&](size_t at, Integers sum) {
                      if (at < head_size_) store(to + row * state_ + at, to_floats(sum) * broadcast(scales[row]));
                    };
                    put(column, low);
                    put(column + lanes, high);
                  });
    clock.spent_on(Part::weighted_values);
  }

  size_t positions_;
  size_t state_;
  size_t head_size_;
  float query_scale_;
  MemoryBlock queries_;
  std::vector<Head> heads_;
  std::vector<Scratch> scratch_;
};

}  // namespace WHISPER_CPU_LEVEL
