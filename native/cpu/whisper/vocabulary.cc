#include "vocabulary.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace WHISPER_CPU_LEVEL {

namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/** Tokens whose highest logit is noted. */
constexpr size_t group = 64;
constexpr size_t tokens_per_item = 8 * group;
/** At least as many groups have a token that is computed in float32. */
constexpr size_t least_candidates = 128;
/**
 * A token that is screened out has a logit this many deviations of its rounding error below the highest screened one: for
 * it to be the likeliest, two logits would have to be wrong by six deviations, of those that err most.
 */
constexpr float safe_deviations = 12.0F;
/** No screened logit is taken to be further off than this. */
constexpr float largest_error_deviations = safe_deviations / 2.0F;
constexpr size_t candidates_per_item = 16;

bool is_forbidden(const float* mask, size_t first, size_t last) {
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

/** The same over the values below `least` alone. */
float sum_of_exponentials_below(float least, const float* values, size_t count, float largest) {
  Floats sum = Floats{};
  const Floats shift = broadcast(largest);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Floats terms = exp2_of((load(values + i) - shift) * broadcast(log2_e));
    sum += Floats(Integers(terms) & Integers(load(values + i) < broadcast(least)));
  }
  float rest = 0.0F;
  for (; i < count; ++i) rest += values[i] < least ? std::exp(values[i] - largest) : 0.0F;
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

Vocabulary::Vocabulary(const WeightsFile& weights, const Dimensions& dimensions, ThreadPool& pool)
    : pool_(pool),
      size_(dimensions.n_vocab),
      state_(dimensions.n_text_state),
      exact_(RowMatrix::in_floats(weights, "model.decoder.embed_tokens.weight", state_, size_)),
      screened_(RowMatrix::in_blocks(weights, "model.decoder.embed_tokens.weight", state_, size_)),
      screen_error_(weights, "model.decoder.embed_tokens.weight", state_, size_),
      states_(1, state_),
      maxima_((size_ + group - 1) / group),
      chosen_logits_(size_) {}

/** Copies rows of states side by side. */
void Vocabulary::take(const Activations& states, std::span<const int32_t> rows) {
  if (rows.size() > row_capacity_) {
    states_ = Activations(rows.size(), state_);
    row_capacity_ = rows.size();
  }
  for (size_t i = 0; i < rows.size(); ++i)
    std::copy_n(states.row(static_cast<size_t>(rows[i])), state_, states_.row(i));
}

void Vocabulary::logits(const Activations& states, std::span<const int32_t> rows, float* logits) {
  take(states, rows);
  pool_.parallel_for((size_ + tokens_per_item - 1) / tokens_per_item, [&](size_t item, size_t) {
    const size_t first = item * tokens_per_item;
    exact_.multiply(states_, rows.size(), first, std::min(size_, first + tokens_per_item), logits + first, size_);
  });
}

Choice Vocabulary::choose(const Activations& states, int32_t row, const Allowed& allowed) {
  float* logits = chosen_logits_.data();
  take(states, {&row, 1});
  states_.quantise(0);
  pool_.parallel_for((size_ + tokens_per_item - 1) / tokens_per_item, [&](size_t item, size_t) {
    const size_t first = item * tokens_per_item;
    screen(first, std::min(size_, first + tokens_per_item), allowed, logits);
  });
  const float deviation = screen_error_.deviation(states_, 0);
  const float least = threshold(safe_deviations * deviation);
  refine(least, allowed, logits);
  if (is_timestamp_due(logits, allowed.timestamp_begin, size_)) std::fill_n(logits, allowed.timestamp_begin, minus_infinity);
  const float largest = highest(logits, size_);
  const float* const found = std::find(logits, logits + size_, largest);
  // Among logits that are no numbers none is the highest.
  if (found == logits + size_) return {0, std::numeric_limits<float>::quiet_NaN(), 0.0F};
  const float sum = sum_of_exponentials(logits, size_, largest);
  // Rough terms are wrong by a factor of e^(largest error) at most, and with them their share of the sum.
  const float rough = sum_of_exponentials_below(least, logits, allowed.timestamp_begin, largest) / sum;
  const float error = std::log1p(rough * std::expm1(largest_error_deviations * deviation));
  return {static_cast<int32_t>(found - logits), -std::log(sum), error};
}

/** Logits of some tokens: by the copy in 8 bits, but for timestamps; and the highest of every group. */
void Vocabulary::screen(size_t first, size_t last, const Allowed& allowed, float* logits) {
  if (is_forbidden(allowed.mask, first, last)) {
    std::fill(logits + first, logits + last, 0.0F);
  } else {
    const size_t middle = std::clamp(allowed.timestamp_begin, first, last);
    screened_.multiply(states_, 1, first, middle, logits + first, size_);
    exact_.multiply(states_, 1, middle, last, logits + middle, size_);
  }
  for (size_t token = first; token < last; ++token) logits[token] += allowed.mask[token];
  for (size_t start = first; start < last; start += group)
    maxima_[start / group] = highest(logits + start, std::min(group, last - start));
}

/** What screened logits must reach to be computed anew: within the margin of the highest, or in the first 128 groups. */
float Vocabulary::threshold(float margin) const {
  std::vector<float> sorted(maxima_);
  const size_t last = std::min(least_candidates, sorted.size()) - 1;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(last), sorted.end(), std::greater<>());
  return std::min(highest(maxima_.data(), maxima_.size()) - margin, sorted[last]);
}

/** Computes anew the text tokens whose screened logits are not below `least`. */
void Vocabulary::refine(float least, const Allowed& allowed, float* logits) {
  candidates_.clear();
  for (size_t index = 0; index < maxima_.size(); ++index) {
    if (maxima_[index] < least) continue;
    const size_t end = std::min(allowed.timestamp_begin, (index + 1) * group);
    for (size_t token = index * group; token < end; ++token)
      if (logits[token] >= least && logits[token] != minus_infinity) candidates_.push_back(static_cast<int32_t>(token));
  }
  pool_.parallel_for((candidates_.size() + candidates_per_item - 1) / candidates_per_item, [&](size_t item, size_t) {
    const size_t end = std::min(candidates_.size(), (item + 1) * candidates_per_item);
    for (size_t i = item * candidates_per_item; i < end; ++i) {
      const auto token = static_cast<size_t>(candidates_[i]);
      logits[token] = exact_.multiply(states_, 0, token) + allowed.mask[token];
    }
  });
}

}  // namespace WHISPER_CPU_LEVEL
