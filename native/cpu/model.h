// A Whisper model on a CPU, whatever the level that computes it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "block_probe.h"
#include "dimensions.h"
#include "profile.h"
#include "step.h"
#include "text_cache.h"
#include "weights_file.h"

/** Memory for encoded windows of one model. */
class Audio {
 public:
  virtual ~Audio() = default;
  virtual size_t windows() const = 0;
  /** Of the model that it belongs to. */
  virtual uint64_t model_number() const = 0;
};

struct ModelOptions {
  std::string path;
  std::vector<WeightPlace> tensors;
  Dimensions dimensions;
  AlignmentHeads alignment_heads;
  size_t threads;
  /** Whether the processor multiplies bfloat16; levels that do not ignore it. */
  bool has_bfloat16;
};

/** Texts in a step that they may share with others: see DecoderPart. */
struct StepPart {
  const Step& step;
  const Audio& audio;
  TextCache& cache;
  float* attention;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual std::unique_ptr<Audio> allocate(size_t windows) = 0;
  /** @param log_mel f32 [n_mels, 2 * n_audio_ctx] */
  virtual void encode(const float* log_mel, Audio& audio, size_t window) = 0;
  /** @param output f32 [n_audio_ctx, n_audio_state] */
  virtual void encoder_output(const float* log_mel, float* output) = 0;
  /** As Decoder::step. */
  virtual void step(std::span<const StepPart> parts) = 0;
  /** Of the last step, of all its parts. */
  virtual size_t rows() const = 0;
  // Of rows of the last step, as Vocabulary's.
  virtual void logits(std::span<const int32_t> rows, float* logits) = 0;
  virtual Choice choose(int32_t row, const Allowed& allowed) = 0;
  /**
   * Computes a window and a text over it, and looks at every block.
   *
   * @param tokens the whole text, at most n_text_ctx of them
   * @param logits behind the last token, f32 [n_vocab]
   */
  virtual void probe(const float* log_mel, std::span<const int32_t> tokens, BlockProbe& probe, float* logits) = 0;
  /** The encoder's and the decoder's. */
  virtual std::vector<GraphTimes> times() const = 0;
  virtual const Dimensions& dimensions() const = 0;
  /** No other model has or had it. */
  virtual uint64_t number() const = 0;
  virtual size_t alignment_head_count() const = 0;
};

/** So far. */
inline std::atomic<uint64_t> loaded_models = 0;
