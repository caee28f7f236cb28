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

#define LEVEL(name)                                         \
  namespace level_##name {                                  \
  AttentionOutputs attentions(const AttentionInput& input); \
  }
#include "cpu_levels.inc"
#undef LEVEL
