// An encoder's attention in integers of 16 bits against the same in floats: compiled once for every level, as the engine is.
#pragma once

#include <cstddef>
#include <vector>

/** Each f32 [positions, 2 * head_size]: of two heads. */
struct AttentionInput {
  size_t positions;
  size_t head_size;
  std::vector<float> queries;
  std::vector<float> keys;
  std::vector<float> values;
};

/** The same shape; `in_integers` is empty on levels that do not compute so. */
struct AttentionOutputs {
  std::vector<float> in_floats;
  std::vector<float> in_integers;
};

#define DECLARE_ATTENTIONS(level)                          \
  namespace level {                                        \
  AttentionOutputs attentions(const AttentionInput& input); \
  }
DECLARE_ATTENTIONS(level_plain)
#ifdef WHISPER_CPU_HAS_AVX2
DECLARE_ATTENTIONS(level_avx2)
#endif
#ifdef WHISPER_CPU_HAS_AVXVNNI
DECLARE_ATTENTIONS(level_avxvnni)
#endif
#ifdef WHISPER_CPU_HAS_DOTPROD
DECLARE_ATTENTIONS(level_dotprod)
#endif
#ifdef WHISPER_CPU_HAS_AVX512
DECLARE_ATTENTIONS(level_avx512)
#endif
