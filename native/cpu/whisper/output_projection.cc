#include "output_projection.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace WHISPER_CPU_LEVEL {

namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/** Tokens in a group, of which only the highest logit is looked at first. */
constexpr size_t group_tokens = 64;
constexpr size_t tokens_per_item = 8 * group_tokens;
/** At least as many groups have a token that is rescored in float32. */
constexpr size_t min_candidate_groups = 128;
/**
 * A token is filtered out when its int8 logit is so many standard deviations of the rounding error below the highest one.
 * For it to be the likeliest all the same, two logits would have to be wrong by six of the largest deviations.
 */
constexpr float safe_deviations = 12.0F;
/** The largest error that is expected of an int8 logit. */
constexpr float largest_error_deviations = safe_deviations / 2.0F;
constexpr size_t candidates_per_item = 16;

bool are_all_masked(const float* mask, size_t first, size_t last) {
  return std::all_of(mask + first, mask + last, [](float value) { return value == minus_infinity; });
}

/** The sum of e^(x - largest). */
float sum_of_exponentials(const float* values, size_t count, float largest) {
  Floats sum = Floats{};
  const Floats shift = broadcast(largest);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) sum += exp2_of((load(values + i) - shift) * broadcast(log2_e));
  float rest = 0.0F;
  for (; i < count; ++i) rest += std::exp(values[i] - largest);
  return sum_of(sum) + rest;
}

/** The same sum, but only of the values below `limit`. */
float sum_of_exponentials_below(float limit, const float* values, size_t count, float largest) {
  Floats sum = Floats{};
  const Floats shift = broadcast(largest);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Floats terms = exp2_of((load(values + i) - shift) * broadcast(log2_e));
    sum += Floats(Integers(terms) & Integers(load(values + i) < broadcast(limit)));
  }
  float rest = 0.0F;
  for (; i < count; ++i) rest += values[i] < limit ? std::exp(values[i] - largest) : 0.0F;
  return sum_of(sum) + rest;
}

/** Whether all timestamps together are likelier than any other token. */
bool is_timestamp_due(const float* logits, size_t timestamp_begin, size_t size) {
  if (timestamp_begin == 0 || timestamp_begin >= size) return false;
  const float* timestamps = logits + timestamp_begin;
  const size_t count = size - timestamp_begin;
  const float largest = highest(timestamps, count);
  if (largest == minus_infinity) return false;
  return largest + std::log(sum_of_exponentials(timestamps, count, largest)) > highest(logits, timestamp_begin);
}

}  // namespace

OutputProjection::OutputProjection(const WeightsFile& weights, const Dimensions& dimensions, ThreadPool& pool)
    : pool_(pool),
      size_(dimensions.n_vocab),
      state_(dimensions.n_text_state),
      fp32_matrix_(RowMatrix::float32(weights, "model.decoder.embed_tokens.weight", state_, size_)),
      int8_matrix_(RowMatrix::int8_blocks(weights, "model.decoder.embed_tokens.weight", state_, size_)),
      int8_error_(weights, "model.decoder.embed_tokens.weight", state_, size_),
      states_(1, state_),
      group_maxima_((size_ + group_tokens - 1) / group_tokens),
      prefiltered_logits_(size_) {}

/** Copies rows of the hidden states into consecutive rows. */
void OutputProjection::gather_rows(const Activations& states, std::span<const int32_t> rows) {
  if (rows.size() > row_capacity_) {
    states_ = Activations(rows.size(), state_);
    row_capacity_ = rows.size();
  }
  for (size_t i = 0; i < rows.size(); ++i)
    std::copy_n(states.row(static_cast<size_t>(rows[i])), state_, states_.row(i));
}

void OutputProjection::logits(const Activations& states, std::span<const int32_t> rows, float* logits) {
  gather_rows(states, rows);
  pool_.parallel_for((size_ + tokens_per_item - 1) / tokens_per_item, [&](size_t item, size_t) {
    const size_t first = item * tokens_per_item;
    fp32_matrix_.multiply(states_, rows.size(), first, std::min(size_, first + tokens_per_item), logits + first, size_);
  });
}

Choice OutputProjection::choose(const Activations& states, int32_t row, const AllowedTokens& allowed) {
  float* logits = prefiltered_logits_.data();
  gather_rows(states, {&row, 1});
  states_.quantise(0);
  pool_.parallel_for((size_ + tokens_per_item - 1) / tokens_per_item, [&](size_t item, size_t) {
    const size_t first = item * tokens_per_item;
    prefilter(first, std::min(size_, first + tokens_per_item), allowed, logits);
  });
  const float deviation = int8_error_.deviation(states_, 0);
  const float lowest_candidate = rescore_threshold(safe_deviations * deviation);
  rescore(lowest_candidate, allowed, logits);
  if (is_timestamp_due(logits, allowed.timestamp_begin, size_)) std::fill_n(logits, allowed.timestamp_begin, minus_infinity);
  const float largest = highest(logits, size_);
  const float* const found = std::find(logits, logits + size_, largest);
  // Among logits that are no numbers none is the highest.
  if (found == logits + size_) return {0, std::numeric_limits<float>::quiet_NaN(), 0.0F};
  const float sum = sum_of_exponentials(logits, size_, largest);
  // The terms of tokens that were not rescored are wrong by a factor of e^(largest error) at most.
  const float int8_share = sum_of_exponentials_below(lowest_candidate, logits, allowed.timestamp_begin, largest) / sum;
  const float error = std::log1p(int8_share * std::expm1(largest_error_deviations * deviation));
  return {static_cast<int32_t>(found - logits), -std::log(sum), error};
}

/** Computes the logits of some tokens with the int8 copy, those of timestamps in float32, and the highest of each group. */
void OutputProjection::prefilter(size_t first, size_t last, const AllowedTokens& allowed, float* logits) {
  if (are_all_masked(allowed.mask, first, last)) {
    std::fill(logits + first, logits + last, 0.0F);
  } else {
    const size_t middle = std::clamp(allowed.timestamp_begin, first, last);
    int8_matrix_.multiply(states_, 1, first, middle, logits + first, size_);
    fp32_matrix_.multiply(states_, 1, middle, last, logits + middle, size_);
  }
  for (size_t token = first; token < last; ++token) logits[token] += allowed.mask[token];
  for (size_t start = first; start < last; start += group_tokens)
    group_maxima_[start / group_tokens] = highest(logits + start, std::min(group_tokens, last - start));
}

/** The lowest int8 logit that is rescored: it is within the margin of the highest, or in one of the 128 highest groups. */
float OutputProjection::rescore_threshold(float margin) const {
  std::vector<float> sorted(group_maxima_);
  const size_t last = std::min(min_candidate_groups, sorted.size()) - 1;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(last), sorted.end(), std::greater<>());
  return std::min(highest(group_maxima_.data(), group_maxima_.size()) - margin, sorted[last]);
}

/** Computes the logits in float32 of the text tokens whose int8 logits are not below `lowest_candidate`. */
void OutputProjection::rescore(float lowest_candidate, const AllowedTokens& allowed, float* logits) {
  candidates_.clear();
  for (size_t index = 0; index < group_maxima_.size(); ++index) {
    if (group_maxima_[index] < lowest_candidate) continue;
    const size_t end = std::min(allowed.timestamp_begin, (index + 1) * group_tokens);
    for (size_t token = index * group_tokens; token < end; ++token)
      if (logits[token] >= lowest_candidate && logits[token] != minus_infinity) candidates_.push_back(static_cast<int32_t>(token));
  }
  pool_.parallel_for((candidates_.size() + candidates_per_item - 1) / candidates_per_item, [&](size_t item, size_t) {
    const size_t end = std::min(candidates_.size(), (item + 1) * candidates_per_item);
    for (size_t i = item * candidates_per_item; i < end; ++i) {
      const auto token = static_cast<size_t>(candidates_[i]);
      logits[token] = fp32_matrix_.multiply(states_, 0, token) + allowed.mask[token];
    }
  });
}

}  // namespace WHISPER_CPU_LEVEL
