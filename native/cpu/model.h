// The interface of a Whisper model on a CPU, the same for every level of processors.
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
#include "kv_cache.h"
#include "weights_file.h"

/** Encoded windows of one model: the keys and values of its cross-attention. */
class EncodedAudio {
 public:
  virtual ~EncodedAudio() = default;
  virtual size_t windows() const = 0;
  /** The id of the model that it belongs to. */
  virtual uint64_t model_id() const = 0;
};

struct ModelOptions {
  std::string path;
  std::vector<TensorLocation> tensors;
  Dimensions dimensions;
  AlignmentHeads alignment_heads;
  size_t threads;
  /** Whether the processor multiplies bfloat16; levels that do not ignore it. */
  bool has_bfloat16;
};

/** Sequences that are decoded together with those of other requests: see DecoderRequest. */
struct StepRequest {
  const Step& step;
  const EncodedAudio& audio;
  KvCache& cache;
  float* attention;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual std::unique_ptr<EncodedAudio> allocate(size_t windows) = 0;
  /** @param log_mel f32 [n_mels, 2 * n_audio_ctx] */
  virtual void encode(const float* log_mel, EncodedAudio& audio, size_t window) = 0;
  /** @param output f32 [n_audio_ctx, n_audio_state] */
  virtual void encoder_output(const float* log_mel, float* output) = 0;
  /** See Decoder::step. */
  virtual void step(std::span<const StepRequest> requests) = 0;
  /** Tokens of the last step, of all its requests. */
  virtual size_t rows() const = 0;
  // For rows of the last step: see OutputProjection.
  virtual void logits(std::span<const int32_t> rows, float* logits) = 0;
  virtual Choice choose(int32_t row, const AllowedTokens& allowed) = 0;
  /**
   * Encodes a window and decodes a sequence over it, and records every block.
   *
   * @param tokens the whole sequence, at most n_text_ctx of them
   * @param logits receives those behind the last token, f32 [n_vocab]
   */
  virtual void probe(const float* log_mel, std::span<const int32_t> tokens, BlockProbe& probe, float* logits) = 0;
  /** Of the encoder and of the decoder. */
  virtual std::vector<GraphTimes> times() const = 0;
  virtual const Dimensions& dimensions() const = 0;
  /** Unique among all models that were loaded. */
  virtual uint64_t id() const = 0;
  virtual size_t alignment_head_count() const = 0;
};

/** Counts the models that were loaded, for their ids. */
inline std::atomic<uint64_t> loaded_models = 0;
