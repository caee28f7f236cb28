// The sizes of a Whisper model, named as OpenAI names them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>

struct Dimensions {
  size_t n_mels;
  size_t n_audio_ctx;
  size_t n_audio_state;
  size_t n_audio_head;
  size_t n_audio_layer;
  size_t n_text_ctx;
  size_t n_text_state;
  size_t n_text_head;
  size_t n_text_layer;
  size_t n_vocab;
};

/**
 * Whether vectors, pairs of bfloat16 and the blocks of 8-bit weights come out even, and no number of bytes wraps around:
 * the limits are those of src/model/dimensions.ts.
 */
inline bool fit_engine(const Dimensions& sizes) {
  constexpr size_t most_layers = 256;
  constexpr size_t largest = 1'000'000;
  const auto are_within = [](std::initializer_list<size_t> values, size_t limit) {
    return std::all_of(values.begin(), values.end(), [&](size_t value) { return value > 0 && value <= limit; });
  };
  const auto fit = [](size_t state, size_t heads) {
    if (state % 64 != 0 || state % heads != 0) return false;
    const size_t head_size = state / heads;
    return head_size == 16 || head_size == 32 || head_size == 64;
  };
  return are_within({sizes.n_audio_layer, sizes.n_text_layer}, most_layers) &&
         are_within({sizes.n_mels, sizes.n_audio_ctx, sizes.n_audio_state, sizes.n_audio_head, sizes.n_text_ctx,
                     sizes.n_text_state, sizes.n_text_head, sizes.n_vocab},
                    largest) &&
         sizes.n_mels % 2 == 0 && sizes.n_audio_state == sizes.n_text_state &&
         fit(sizes.n_audio_state, sizes.n_audio_head) && fit(sizes.n_text_state, sizes.n_text_head);
}
