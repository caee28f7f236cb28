#include "../model.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "decoder.h"
#include "encoder.h"
#include "encoder_attention.h"
#include "int16_attention.h"
#include "output_projection.h"

namespace WHISPER_CPU_LEVEL {

namespace {

/** Float32 throughout. */
struct Fp32Precision {
  using KvDtype = Fp32Kv;
  using EncoderType = Encoder<FloatLinear, EncoderAttention<Fp32>, Fp32, KvDtype>;
};

/** Linear layers and the cross-attention's keys and values in int8; convolutions in `Dtype`. */
template <typename Attention, typename Dtype>
struct Int8Precision {
  using KvDtype = Int8Kv;
  using EncoderType = Encoder<Int8Linear, Attention, Dtype, KvDtype>;
};

template <typename KvDtype>
class TypedEncodedAudio final : public EncodedAudio {
 public:
  TypedEncodedAudio(const Dimensions& dimensions, size_t windows, uint64_t model_id)
      : kv(dimensions, windows), model_number_(model_id) {}
  size_t windows() const override { return kv.windows(); }
  uint64_t model_id() const override { return model_number_; }

  CrossKv<KvDtype> kv;

 private:
  uint64_t model_number_;
};

template <typename Precision>
class TypedModel final : public Model {
 public:
  using KvDtype = typename Precision::KvDtype;

  explicit TypedModel(const ModelOptions& options)
      : dimensions_(options.dimensions),
        pool_(options.threads),
        weights_(options.path, options.tensors),
        encoder_profile_("encoder", pool_.size()),
        decoder_profile_("decoder", 1),
        encoder_(weights_, dimensions_, pool_, encoder_profile_),
        decoder_(weights_, dimensions_, options.alignment_heads, pool_, decoder_profile_.clock(0)),
        output_projection_(weights_, dimensions_, pool_) {}

  std::unique_ptr<EncodedAudio> allocate(size_t windows) override {
    return std::make_unique<TypedEncodedAudio<KvDtype>>(dimensions_, windows, id_);
  }
  void encode(const float* log_mel, EncodedAudio& audio, size_t window) override {
    encoder_profile_.execution([&] { encoder_.encode(log_mel, static_cast<TypedEncodedAudio<KvDtype>&>(audio).kv, window); });
  }
  void encoder_output(const float* log_mel, float* output) override {
    encoder_profile_.execution([&] { encoder_.encode(log_mel, output); });
  }
  void step(std::span<const StepRequest> requests) override {
    std::vector<DecoderRequest<KvDtype>> typed;
    size_t rows = 0;
    for (const auto& [step, audio, cache, attention] : requests) {
      typed.push_back({step, static_cast<const TypedEncodedAudio<KvDtype>&>(audio).kv, cache, attention});
      rows += step.tokens.size();
    }
    decoder_profile_.execution([&] { decoder_.step(typed); });
    rows_ = rows;
  }
  size_t rows() const override { return rows_; }
  void logits(std::span<const int32_t> rows, float* logits) override {
    time_output_projection([&] { output_projection_.logits(decoder_.states(), rows, logits); });
  }
  Choice choose(int32_t row, const AllowedTokens& allowed) override {
    Choice choice{};
    time_output_projection([&] { choice = output_projection_.choose(decoder_.states(), row, allowed); });
    return choice;
  }
  void probe(const float* log_mel, std::span<const int32_t> tokens, BlockProbe& probe, float* logits) override {
    TypedEncodedAudio<KvDtype> audio(dimensions_, 1, id_);
    encoder_.encode(log_mel, audio.kv, 0, &probe);
    std::vector<int32_t> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), 0);
    constexpr int32_t window = 0;
    constexpr int32_t past_end = 0;
    const Step step{.tokens = tokens,
                    .positions = positions,
                    .tokens_per_sequence = tokens.size(),
                    .first_entry = 0,
                    .windows = {&window, 1},
                    .past_entries = {},
                    .past_ends = {&past_end, 1}};
    KvCache cache(dimensions_);
    const DecoderRequest<KvDtype> request{step, audio.kv, cache, nullptr};
    decoder_.step({&request, 1}, &probe);
    rows_ = tokens.size();
    const auto last = static_cast<int32_t>(rows_ - 1);
    output_projection_.logits(decoder_.states(), {&last, 1}, logits);
  }
  std::vector<GraphTimes> times() const override { return {encoder_profile_.times(), decoder_profile_.times()}; }
  const Dimensions& dimensions() const override { return dimensions_; }
  uint64_t id() const override { return id_; }
  size_t alignment_head_count() const override { return decoder_.alignment_head_count(); }

 private:
  template <typename Work>
  void time_output_projection(const Work& work) {
    decoder_profile_.rest_of_execution([&] {
      Clock& clock = decoder_profile_.clock(0);
      clock.start();
      work();
      clock.spent_on(Part::output_projection);
    });
  }

  uint64_t id_ = ++loaded_models;
  Dimensions dimensions_;
  ThreadPool pool_;
  WeightsFile weights_;
  Profile encoder_profile_;
  Profile decoder_profile_;
  typename Precision::EncoderType encoder_;
  Decoder<KvDtype> decoder_;
  OutputProjection output_projection_;
  size_t rows_ = 0;
};

/** A dtype is void on levels where its products are not faster than those of floats. */
template <typename BFloat16Dtype, typename Int16Dtype>
std::unique_ptr<Model> load_int8_model(const ModelOptions& options) {
  if constexpr (!std::is_void_v<BFloat16Dtype>) {
    if (options.has_bfloat16)
      return std::make_unique<TypedModel<Int8Precision<EncoderAttention<BFloat16Dtype>, BFloat16Dtype>>>(options);
  }
  if constexpr (std::is_void_v<Int16Dtype>) {
    return std::make_unique<TypedModel<Int8Precision<EncoderAttention<Fp32>, Fp32>>>(options);
  } else {
    return std::make_unique<TypedModel<Int8Precision<Int16Attention<Int16Dtype>, Fp32>>>(options);
  }
}

/** Checks what the weights file does not say. */
void check(const ModelOptions& options) {
  const Dimensions& dimensions = options.dimensions;
  if (!fit_engine(dimensions) || options.threads == 0)
    throw std::invalid_argument("there is no engine for these sizes");
  for (const auto& [layer, head] : options.alignment_heads) {
    if (layer >= dimensions.n_text_layer || head >= dimensions.n_text_head) {
      throw std::invalid_argument("there is no head " + std::to_string(head) + " in layer " + std::to_string(layer) +
                                  " to follow the audio");
    }
  }
}

}  // namespace

std::unique_ptr<Model> load_model(const ModelOptions& options) {
  check(options);
  const bool is_float = std::any_of(options.tensors.begin(), options.tensors.end(), [](const TensorLocation& tensor) {
    return tensor.name == "model.encoder.layers.0.fc1.weight";
  });
  if (is_float) return std::make_unique<TypedModel<Fp32Precision>>(options);
  return load_int8_model<BFloat16, Int16>(options);
}

}  // namespace WHISPER_CPU_LEVEL
