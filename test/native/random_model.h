// Small Whisper models of random numbers, as native/cpu loads them, and what is asked of them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "levels.h"

/** What a model computes in. */
enum class Numbers { float32, int8_and_float32, int8_and_bfloat16 };

/** What computes it. */
struct Engine {
  Level level;
  Numbers numbers;
};

/** What models of this level compute in on this processor, with a name for people. */
std::vector<std::pair<Numbers, std::string>> numbers_of(const Level& level);

/** A weights file and where its tensors lie. */
struct RandomWeights {
  std::vector<char> content;
  std::vector<TensorLocation> locations;
};

/** The same numbers for the same dimensions. */
RandomWeights random_weights(const Dimensions& dimensions, Numbers numbers);

/** A file that is removed at the end of a scope. */
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<char>& content);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<float> random_log_mel(const Dimensions& dimensions, uint32_t seed);

/** New tokens of sequences, one over each window, which have `past` cache entries each, alternating. */
struct Sequences {
  Sequences(const std::vector<int32_t>& tokens, size_t sequences, size_t past);
  Step step() const {
    return {tokens, positions, tokens.size() / windows.size(), past_entries.size(), windows, past_entries, past_ends};
  }

  std::vector<int32_t> tokens;
  std::vector<int32_t> positions;
  std::vector<int32_t> windows;
  std::vector<int32_t> past_entries;
  std::vector<int32_t> past_ends;
};

/** A step that nobody shares. */
inline void step_alone(Model& model, const Step& step, const EncodedAudio& audio, KvCache& cache, float* attention) {
  const StepRequest part{step, audio, cache, attention};
  model.step({&part, 1});
}
