// What is asked of a decoder, and what it answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

/** New tokens, text by text, `width` for each. */
struct Step {
  std::span<const int32_t> tokens;
  /** Their places in their texts. */
  std::span<const int32_t> positions;
  size_t width;
  /** Where the first of them goes in the cache. */
  size_t first_row;
  /** The window of each text, in their order. */
  std::span<const int32_t> windows;
  /** Rows of the cache that the texts have already, text by text, and where those of each end. */
  std::span<const int32_t> past_rows;
  std::span<const int32_t> past_ends;
};

/** Layers and heads of cross-attention that follow the audio. */
using AlignmentHeads = std::vector<std::pair<size_t, size_t>>;

/** Between which tokens to choose. */
struct Allowed {
  /** Added to the logits, 0 or -infinity, f32 [n_vocab]. */
  const float* mask;
  /** Only tokens from this one on are allowed when they are together likelier than any other; n_vocab for never. */
  size_t timestamp_begin;
};

struct Choice {
  int32_t token;
  /** Its log-probability among the allowed tokens. */
  float logprob;
  /** How far that may be from what logits in float32 would give. */
  float logprob_error;
};
