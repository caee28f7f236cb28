// The sizes of a Whisper model, named as OpenAI names them.
#pragma once

#include <cstddef>

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
