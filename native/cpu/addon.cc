// The Node addon whisper_cpu.node: converts and checks arguments. Calls block the calling thread, a worker thread.
#include <napi.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>

#include "js_values.h"
#include "levels.h"
#include "network_binding.h"

template <>
inline constexpr napi_type_tag tag_of<Model>{0x6b1fd0c4a9e24d53, 0x9f3a5c7e81b20d46};
template <>
inline constexpr napi_type_tag tag_of<EncodedAudio>{0x2c8e41b7f05d4a96, 0xb7d10e63c4a8f529};
template <>
inline constexpr napi_type_tag tag_of<KvCache>{0xd95a07e3186c4f2b, 0x84e6b2f90d731ca5};

namespace {

std::span<const int32_t> integers(const Napi::Value& value, const char* name) {
  check_type(value, napi_int32_array, name);
  const auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.ElementLength()};
}

const float* floats(const Napi::Value& value, size_t count, const char* name) {
  check_type(value, napi_float32_array, name);
  const auto array = value.As<Napi::Float32Array>();
  if (array.ElementLength() != count) {
    throw std::length_error(std::string(name) + " has " + std::to_string(array.ElementLength()) + " values, not " +
                            std::to_string(count));
  }
  return array.Data();
}

void check_below(std::span<const int32_t> values, size_t limit, const char* name) {
  for (const int32_t value : values) {
    if (value < 0 || static_cast<size_t>(value) >= limit) {
      throw std::out_of_range(std::string(name) + " " + std::to_string(value) + " is not one of " +
                              std::to_string(limit));
    }
  }
}

/** levels(): names of the levels that this processor has, each faster than the one before */
Napi::Value levels(const Napi::CallbackInfo& info) {
  auto names = Napi::Array::New(info.Env());
  for (const Level& level : supported_levels()) names.Set(names.Length(), level.name);
  return names;
}

Dimensions to_dimensions(const Napi::Object& object) {
  return {
      .n_mels = size_of(object, "nMels"),
      .n_audio_ctx = size_of(object, "nAudioCtx"),
      .n_audio_state = size_of(object, "nAudioState"),
      .n_audio_head = size_of(object, "nAudioHead"),
      .n_audio_layer = size_of(object, "nAudioLayer"),
      .n_text_ctx = size_of(object, "nTextCtx"),
      .n_text_state = size_of(object, "nTextState"),
      .n_text_head = size_of(object, "nTextHead"),
      .n_text_layer = size_of(object, "nTextLayer"),
      .n_vocab = size_of(object, "nVocab"),
  };
}

/** fits(dimensions) */
Napi::Value fits(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), fit_engine(to_dimensions(info[0].As<Napi::Object>())));
}

/** load({ level, path, tensors, dimensions, alignmentHeads, threads }) */
Napi::Value load(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  const Level level = level_of_name(options.Get("level").As<Napi::String>());
  ModelOptions model{
      .path = options.Get("path").As<Napi::String>(),
      .tensors = {},
      .dimensions = to_dimensions(options.Get("dimensions").As<Napi::Object>()),
      .alignment_heads = {},
      .threads = size_of(options, "threads"),
      .has_bfloat16 = has_bfloat16(),
  };
  const auto tensors = options.Get("tensors").As<Napi::Array>();
  for (uint32_t i = 0; i < tensors.Length(); ++i) {
    const auto tensor = tensors.Get(i).As<Napi::Object>();
    model.tensors.push_back(
        {tensor.Get("name").As<Napi::String>(), size_of(tensor, "offset"), size_of(tensor, "sizeBytes")});
  }
  const auto heads = options.Get("alignmentHeads").As<Napi::Array>();
  for (uint32_t i = 0; i < heads.Length(); ++i) {
    const auto head = heads.Get(i).As<Napi::Object>();
    model.alignment_heads.emplace_back(size_of(head, "0"), size_of(head, "1"));
  }
  return hold(info.Env(), level.load_model(model));
}

/** allocateAudio(model, windows) */
Napi::Value allocate_audio(const Napi::CallbackInfo& info) {
  return hold(info.Env(), held<Model>(info[0]).allocate(info[1].As<Napi::Number>().Uint32Value()));
}

EncodedAudio& audio_of(const Model& model, const Napi::Value& value) {
  auto& audio = held<EncodedAudio>(value);
  if (audio.model_id() != model.id()) throw std::invalid_argument("the audio is of another model");
  return audio;
}

/** freeAudio(audio): frees it at once; the garbage collector does not know how large it is, and would do so late */
void free_audio(const Napi::CallbackInfo& info) { owner_of<EncodedAudio>(info[0]).reset(); }

const float* log_mel(const Model& model, const Napi::Value& value) {
  const Dimensions& dimensions = model.dimensions();
  return floats(value, dimensions.n_mels * 2 * dimensions.n_audio_ctx, "the log-mel spectrogram");
}

/** encode(model, logMel, audio, window) */
void encode(const Napi::CallbackInfo& info) {
  auto& model = held<Model>(info[0]);
  auto& audio = audio_of(model, info[2]);
  const int32_t window = info[3].As<Napi::Number>().Int32Value();
  check_below({&window, 1}, audio.windows(), "window");
  model.encode(log_mel(model, info[1]), audio, static_cast<size_t>(window));
}

/** encoderOutput(model, logMel) */
Napi::Value encoder_output(const Napi::CallbackInfo& info) {
  auto& model = held<Model>(info[0]);
  const Dimensions& dimensions = model.dimensions();
  auto output = Napi::Float32Array::New(info.Env(), dimensions.n_audio_ctx * dimensions.n_audio_state);
  model.encoder_output(log_mel(model, info[1]), output.Data());
  return output;
}

/** createCache(model) */
Napi::Value create_cache(const Napi::CallbackInfo& info) {
  return hold(info.Env(), std::make_unique<KvCache>(held<Model>(info[0]).dimensions()));
}

/** { audio, cache, tokens, positions, width, firstRow, windows, pastRows, pastEnds, attention } */
Step step_of(const Napi::Object& given) {
  return {
      .tokens = integers(given.Get("tokens"), "tokens"),
      .positions = integers(given.Get("positions"), "positions"),
      .tokens_per_sequence = size_of(given, "width"),
      .first_entry = size_of(given, "firstRow"),
      .windows = integers(given.Get("windows"), "windows"),
      .past_entries = integers(given.Get("pastRows"), "pastRows"),
      .past_ends = integers(given.Get("pastEnds"), "pastEnds"),
  };
}

void check(const Step& step, const Dimensions& dimensions, const EncodedAudio& audio, const KvCache& cache) {
  if (step.tokens.size() != step.windows.size() * step.tokens_per_sequence || step.tokens.size() != step.positions.size() ||
      step.windows.size() != step.past_ends.size() ||
      !std::is_sorted(step.windows.begin(), step.windows.end()) ||
      !std::is_sorted(step.past_ends.begin(), step.past_ends.end()))
    throw std::length_error("the fields of a step do not fit together");
  check_below(step.tokens, dimensions.n_vocab, "token");
  check_below(step.positions, dimensions.n_text_ctx, "position");
  check_below(step.windows, audio.windows(), "window");
  if (!cache.fits(dimensions)) throw std::invalid_argument("the cache is of another model");
  if (step.first_entry > cache.entries()) throw std::out_of_range("the cache does not have as many entries yet");
  check_below(step.past_entries, step.first_entry, "cache entry");
  check_below(step.past_ends, step.past_entries.size() + 1, "end of a sequence");
  for (size_t sequence = 0; sequence < step.past_ends.size(); ++sequence) {
    const int32_t start = sequence == 0 ? 0 : step.past_ends[sequence - 1];
    if (static_cast<size_t>(step.past_ends[sequence] - start) + step.tokens_per_sequence > dimensions.n_text_ctx)
      throw std::length_error("a sequence is longer than " + std::to_string(dimensions.n_text_ctx));
  }
}

/** step(model, requests): a batched step of requests, each with its own cache; returns the alignment scores of each */
Napi::Value step(const Napi::CallbackInfo& info) {
  auto& model = held<Model>(info[0]);
  const Dimensions& dimensions = model.dimensions();
  const auto given = info[1].As<Napi::Array>();
  auto results = Napi::Array::New(info.Env(), given.Length());
  std::vector<Step> steps;
  steps.reserve(given.Length());
  std::vector<StepRequest> requests;
  for (uint32_t i = 0; i < given.Length(); ++i) {
    const auto part = given.Get(i).As<Napi::Object>();
    const Step& step = steps.emplace_back(step_of(part));
    auto& audio = audio_of(model, part.Get("audio"));
    auto& cache = held<KvCache>(part.Get("cache"));
    check(step, dimensions, audio, cache);
    if (std::any_of(requests.begin(), requests.end(), [&](const StepRequest& other) { return &other.cache == &cache; }))
      throw std::invalid_argument("two requests of a step have the same cache");
    float* scores = nullptr;
    if (part.Get("attention").ToBoolean()) {
      const size_t count = step.tokens.size() * model.alignment_head_count() * dimensions.n_audio_ctx;
      auto array = Napi::Float32Array::New(info.Env(), count);
      scores = array.Data();
      results.Set(i, array);
    }
    requests.push_back({step, audio, cache, scores});
  }
  model.step(requests);
  return results;
}

/** logits(model, rows) */
Napi::Value logits(const Napi::CallbackInfo& info) {
  auto& model = held<Model>(info[0]);
  const auto rows = integers(info[1], "rows");
  check_below(rows, model.rows(), "row");
  auto result = Napi::Float32Array::New(info.Env(), rows.size() * model.dimensions().n_vocab);
  model.logits(rows, result.Data());
  return result;
}

/** choose(model, row, mask, timestampBegin) */
Napi::Value choose(const Napi::CallbackInfo& info) {
  auto& model = held<Model>(info[0]);
  const size_t n_vocab = model.dimensions().n_vocab;
  const int64_t timestamp_begin = info[3].As<Napi::Number>().Int64Value();
  const AllowedTokens allowed{
      .mask = floats(info[2], n_vocab, "the mask"),
      .timestamp_begin = timestamp_begin < 0 ? n_vocab : std::min(n_vocab, static_cast<size_t>(timestamp_begin)),
  };
  const int32_t row = info[1].As<Napi::Number>().Int32Value();
  check_below({&row, 1}, model.rows(), "row");
  const Choice choice = model.choose(row, allowed);
  auto result = Napi::Object::New(info.Env());
  result.Set("token", choice.token);
  result.Set("logprob", choice.logprob);
  result.Set("logprobError", choice.logprob_error);
  return result;
}

Napi::Float32Array array_of(Napi::Env env, const std::vector<float>& values) {
  auto array = Napi::Float32Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

/** probe(model, logMel, tokens, streams): { logits, blocks: { NAME: { block, stream } } } */
Napi::Value probe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& model = held<Model>(info[0]);
  const float* frames = log_mel(model, info[1]);
  const auto tokens = integers(info[2], "tokens");
  check_below(tokens, model.dimensions().n_vocab, "token");
  if (tokens.empty() || tokens.size() > model.dimensions().n_text_ctx)
    throw std::length_error("a sequence has 1 to " + std::to_string(model.dimensions().n_text_ctx) + " tokens");
  BlockProbe::Streams given;
  const auto streams = info[3].As<Napi::Object>();
  const auto names = streams.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>();
    const Napi::Value values = streams.Get(name);
    check_type(values, napi_float32_array, "a stream");
    given[name] = {values.As<Napi::Float32Array>().Data(), values.As<Napi::Float32Array>().ElementLength()};
  }
  BlockProbe block_probe(std::move(given));
  auto logits = Napi::Float32Array::New(env, model.dimensions().n_vocab);
  model.probe(frames, tokens, block_probe, logits.Data());
  auto blocks = Napi::Object::New(env);
  for (const auto& [name, probed] : block_probe.blocks()) {
    auto entry = Napi::Object::New(env);
    entry.Set("block", array_of(env, probed.block));
    if (!probed.stream.empty()) entry.Set("stream", array_of(env, probed.stream));
    blocks.Set(name, entry);
  }
  auto result = Napi::Object::New(env);
  result.Set("logits", logits);
  result.Set("blocks", blocks);
  return result;
}

/** times(model): per graph { graph, executions, elapsedMs, parts: [{ name, calls, elapsedMs }] }, sums so far */
Napi::Value times(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto graphs = Napi::Array::New(env);
  for (const GraphTimes& graph : held<Model>(info[0]).times()) {
    auto parts = Napi::Array::New(env);
    for (const PartTime& part : graph.parts) {
      auto entry = Napi::Object::New(env);
      entry.Set("name", part.name);
      entry.Set("calls", static_cast<double>(part.calls));
      entry.Set("elapsedMs", part.elapsed_ms);
      parts.Set(parts.Length(), entry);
    }
    auto entry = Napi::Object::New(env);
    entry.Set("graph", graph.graph);
    entry.Set("executions", static_cast<double>(graph.executions));
    entry.Set("elapsedMs", graph.elapsed_ms);
    entry.Set("parts", parts);
    graphs.Set(graphs.Length(), entry);
  }
  return graphs;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("interfaceVersion", Napi::Number::New(env, interface_version));
  add<levels>(exports, "levels");
  add<fits>(exports, "fits");
  add<load>(exports, "load");
  add<allocate_audio>(exports, "allocateAudio");
  add<free_audio>(exports, "freeAudio");
  add<encode>(exports, "encode");
  add<encoder_output>(exports, "encoderOutput");
  add<create_cache>(exports, "createCache");
  add<step>(exports, "step");
  add<logits>(exports, "logits");
  add<probe>(exports, "probe");
  add<times>(exports, "times");
  add<choose>(exports, "choose");
  add_network_functions(exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(whisper_cpu, init)
