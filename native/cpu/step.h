// The input of a decoder step, and the token that is chosen behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

/** New tokens of one or more sequences, as many for each. */
struct Step {
  /** [sequences, tokens_per_sequence] */
  std::span<const int32_t> tokens;
  /** The position of each token in its sequence. */
  std::span<const int32_t> positions;
  size_t tokens_per_sequence;
  /** The entry of the KV cache that the first token is written to; the others follow it. */
  size_t first_entry;
  /** The encoded window that each sequence attends to, in ascending order. */
  std::span<const int32_t> windows;
  /** The cache entries that the sequences consist of so far, one sequence after the other, and where each one's end. */
  std::span<const int32_t> past_entries;
  std::span<const int32_t> past_ends;
};

/** Layer and head of each cross-attention head that follows the audio. */
using AlignmentHeads = std::vector<std::pair<size_t, size_t>>;

/** The tokens among which the next one is chosen. */
struct AllowedTokens {
  /** Added to the logits, 0 or -infinity, f32 [n_vocab]. */
  const float* mask;
  /** The first timestamp: when timestamps together are likelier than any other token, only they are allowed. n_vocab for never. */
  size_t timestamp_begin;
};

struct Choice {
  int32_t token;
  /** Its log-probability among the allowed tokens. */
  float logprob;
  /** The largest difference from the log-probability that float32 logits would give. */
  float logprob_error;
};
