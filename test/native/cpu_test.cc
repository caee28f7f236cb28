// Tests of native/cpu without Node, for the sanitizers: small models of every precision and head size, whose rows end in
// the middle of everything that is done in blocks.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "attentions.h"
#include "byte_products.h"
#include "expect.h"
#include "levels.h"
#include "random_model.h"
#include "thread_pool.h"

namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

constexpr Dimensions dimensions_with(size_t heads) {
  return {
      .n_mels = 10,
      .n_audio_ctx = 75,
      .n_audio_state = 64,
      .n_audio_head = heads,
      .n_audio_layer = 2,
      .n_text_ctx = 24,
      .n_text_state = 64,
      .n_text_head = heads,
      .n_text_layer = 2,
      .n_vocab = 1700,
  };
}

std::unique_ptr<Model> random_model(const Dimensions& dimensions, const Engine& engine, size_t threads) {
  const RandomWeights weights = random_weights(dimensions, engine.numbers);
  const TemporaryFile file(weights.content);  // once it is mapped it need not be there
  return engine.level.load_model({file.path(), weights.locations, dimensions, {{0, dimensions.n_text_head - 1}, {1, 0}}, threads,
                                  engine.numbers == Numbers::int8_and_bfloat16});
}

void expect_close(const std::vector<float>& actual, const std::vector<float>& expected, float tolerance) {
  EXPECT(actual.size() == expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT(std::abs(actual[i] - expected[i]) <= tolerance);
}

/** A token at a time over two windows gives what all tokens at once give over each window. */
void steps_agree_with_a_whole_sequence(const Engine& engine, size_t heads) {
  const Dimensions dimensions = dimensions_with(heads);
  const auto model = random_model(dimensions, engine, 3);
  const auto audio = model->allocate(2);
  const auto alone = model->allocate(1);
  const std::vector<std::vector<int32_t>> texts{{5, 250, 17, 1699, 3}, {9, 8, 1000, 0, 77}};
  const size_t width = texts[0].size();
  const size_t score_count = model->alignment_head_count() * dimensions.n_audio_ctx;
  KvCache stepwise(dimensions);
  for (size_t window = 0; window < 2; ++window)
    model->encode(random_log_mel(dimensions, static_cast<uint32_t>(window)).data(), *audio, window);
  std::vector<std::vector<float>> logits;
  std::vector<std::vector<float>> scores;
  for (size_t i = 0; i < width; ++i) {
    const Sequences token({texts[0][i], texts[1][i]}, 2, i);
    scores.emplace_back(2 * score_count);
    step_alone(*model, token.step(), *audio, stepwise, scores.back().data());
    logits.emplace_back(2 * dimensions.n_vocab);
    const std::vector<int32_t> rows{0, 1};
    model->logits(rows, logits.back().data());
  }
  for (size_t window = 0; window < 2; ++window) {
    model->encode(random_log_mel(dimensions, static_cast<uint32_t>(window)).data(), *alone, 0);
    KvCache cache(dimensions);
    std::vector<float> whole_scores(width * score_count);
    step_alone(*model, Sequences(texts[window], 1, 0).step(), *alone, cache, whole_scores.data());
    for (size_t i = 0; i < width; ++i) {
      const auto row = static_cast<int32_t>(i);
      std::vector<float> whole(dimensions.n_vocab);
      model->logits({&row, 1}, whole.data());
      const auto begin = logits[i].begin() + static_cast<ptrdiff_t>(window * dimensions.n_vocab);
      expect_close(whole, {begin, begin + static_cast<ptrdiff_t>(dimensions.n_vocab)}, 1e-3F);
      for (size_t head = 0; head < model->alignment_head_count(); ++head) {
        const float* at_once = whole_scores.data() + (head * width + i) * dimensions.n_audio_ctx;
        const float* one_by_one = scores[i].data() + window * score_count + head * dimensions.n_audio_ctx;
        for (size_t at = 0; at < dimensions.n_audio_ctx; ++at) EXPECT(std::abs(at_once[at] - one_by_one[at]) < 1e-3F);
      }
    }
  }
}

/** Sequences of different lengths over windows of their own, some with scores, give bit by bit what each of them gives alone. */
void requests_that_share_steps_give_what_each_gives_alone(const Engine& engine, size_t heads) {
  const Dimensions dimensions = dimensions_with(heads);
  const auto model = random_model(dimensions, engine, 3);
  constexpr size_t parts = 7;  // more rows than any block of rows holds, and a rest
  constexpr size_t steps = 4;
  const auto windows_of = [](size_t part) { return 1 + part % 2; };
  const auto tokens_of = [&](size_t part, size_t step) {
    std::vector<int32_t> tokens;
    // Prompts of different lengths, then single tokens.
    const size_t count = windows_of(part) * (step == 0 ? 1 + part : 1);
    for (size_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>((part * 97 + step * 31 + i * 7) % dimensions.n_vocab));
    return tokens;
  };
  std::vector<std::unique_ptr<EncodedAudio>> audios;
  for (size_t part = 0; part < parts; ++part) {
    audios.push_back(model->allocate(windows_of(part)));
    for (size_t window = 0; window < windows_of(part); ++window)
      model->encode(random_log_mel(dimensions, static_cast<uint32_t>(2 * part + window)).data(), *audios[part], window);
  }
  /** Scores and logits of each part's every step. */
  using Outputs = std::vector<std::vector<float>>;
  const auto outputs_of = [&](bool is_shared) {
    std::vector<KvCache> caches;
    for (size_t part = 0; part < parts; ++part) caches.emplace_back(dimensions);
    Outputs outputs;
    for (size_t step = 0; step < steps; ++step) {
      std::vector<Sequences> texts;
      std::vector<std::vector<float>> scores;
      for (size_t part = 0; part < parts; ++part) {
        texts.emplace_back(tokens_of(part, step), windows_of(part), step == 0 ? 0 : part + step);
        scores.emplace_back(texts[part].tokens.size() * model->alignment_head_count() * dimensions.n_audio_ctx);
      }
      const auto logits_of_rows = [&](size_t first, size_t count) {
        for (size_t row = first; row < first + count; ++row) {
          const auto index = static_cast<int32_t>(row);
          outputs.emplace_back(dimensions.n_vocab);
          model->logits({&index, 1}, outputs.back().data());
        }
      };
      std::vector<Step> all_steps;
      for (const Sequences& text : texts) all_steps.push_back(text.step());
      std::vector<StepRequest> sharing;
      size_t rows = 0;
      for (size_t part = 0; part < parts; ++part) {
        float* attention = part % 3 == 0 ? scores[part].data() : nullptr;
        sharing.push_back({all_steps[part], *audios[part], caches[part], attention});
        rows += texts[part].tokens.size();
        if (is_shared) continue;
        step_alone(*model, all_steps[part], *audios[part], caches[part], attention);
        logits_of_rows(0, texts[part].tokens.size());
      }
      if (is_shared) {
        model->step(sharing);
        EXPECT(model->rows() == rows);
        logits_of_rows(0, rows);
      }
      for (auto& of_part : scores) outputs.push_back(std::move(of_part));
    }
    return outputs;
  };
  EXPECT(outputs_of(true) == outputs_of(false));
}

/** What is chosen is the highest of the allowed logits, masks and the rule of timestamps included. */
void choices_are_the_highest_logits(const Engine& engine, size_t heads) {
  const Dimensions dimensions = dimensions_with(heads);
  const auto model = random_model(dimensions, engine, 2);
  const auto audio = model->allocate(1);
  model->encode(random_log_mel(dimensions, 1).data(), *audio, 0);
  KvCache cache(dimensions);
  std::vector<float> mask(dimensions.n_vocab);
  size_t timestamps = 0;
  size_t inexact = 0;
  for (size_t i = 0; i < dimensions.n_text_ctx; ++i) {
    step_alone(*model, Sequences({static_cast<int32_t>(i * 31 % dimensions.n_vocab)}, 1, i).step(), *audio, cache, nullptr);
    const int32_t row = 0;
    std::vector<float> logits(dimensions.n_vocab);
    model->logits({&row, 1}, logits.data());
    const auto highest = std::max_element(logits.begin(), logits.end());
    mask[static_cast<size_t>(highest - logits.begin())] = minus_infinity;
    for (const size_t begin : {dimensions.n_vocab, dimensions.n_vocab - 3, dimensions.n_vocab - 200}) {
      std::vector<float> allowed(dimensions.n_vocab);
      std::transform(logits.begin(), logits.end(), mask.begin(), allowed.begin(), std::plus<>());
      const auto first_timestamp = allowed.begin() + static_cast<ptrdiff_t>(begin);
      double sum = 0.0;
      std::for_each(first_timestamp, allowed.end(), [&](float logit) { sum += std::exp(logit); });
      const bool is_due = std::log(sum) > *std::max_element(allowed.begin(), first_timestamp);
      if (is_due) std::fill(allowed.begin(), first_timestamp, minus_infinity);
      timestamps += is_due ? 1 : 0;
      const Choice choice = model->choose(0, {mask.data(), begin});
      const auto expected = std::max_element(allowed.begin(), allowed.end());
      EXPECT(choice.token == expected - allowed.begin());
      double total = 0.0;
      for (const float logit : allowed) total += std::exp(logit - *expected);
      EXPECT(std::abs(choice.logprob + std::log(total)) <= choice.logprob_error + 1e-4);
      EXPECT(choice.logprob_error < 0.5);
      EXPECT(!is_due || choice.logprob_error < 1e-6F);
      inexact += choice.logprob_error > 0.0F ? 1 : 0;
    }
  }
  EXPECT(timestamps > 0 && timestamps < 2 * dimensions.n_text_ctx);
  EXPECT(inexact > 0);
}

void outputs_are_the_same_on_any_number_of_threads(const Engine& engine) {
  const Dimensions dimensions = dimensions_with(2);
  std::vector<std::vector<float>> outputs;
  for (const size_t threads : {1, 4}) {
    outputs.emplace_back(dimensions.n_audio_ctx * dimensions.n_audio_state);
    random_model(dimensions, engine, threads)->encoder_output(random_log_mel(dimensions, 3).data(), outputs.back().data());
  }
  expect_close(outputs[0], outputs[1], 0.0F);
}

void a_cache_keeps_its_entries_when_it_grows() {
  const Dimensions dimensions = dimensions_with(1);
  KvCache cache(dimensions);
  for (size_t layer = 0; layer < dimensions.n_text_layer; ++layer) {
    for (size_t row = 0; row < dimensions.n_text_ctx; ++row) {
      std::fill_n(cache.keys(layer, row), dimensions.n_text_state, static_cast<float>(100 * layer + row));
      std::fill_n(cache.values(layer, row), dimensions.n_text_state, -static_cast<float>(100 * layer + row));
    }
  }
  cache.reserve(5 * dimensions.n_text_ctx);
  for (size_t layer = 0; layer < dimensions.n_text_layer; ++layer) {
    for (size_t row = 0; row < dimensions.n_text_ctx; ++row) {
      EXPECT(cache.keys(layer, row)[dimensions.n_text_state - 1] == static_cast<float>(100 * layer + row));
      EXPECT(cache.values(layer, row)[0] == -static_cast<float>(100 * layer + row));
    }
    std::fill_n(cache.values(layer, 5 * dimensions.n_text_ctx - 1), dimensions.n_text_state, 1.0F);
  }
}

void a_thread_pool_does_every_item_once_and_ends() {
  for (int round = 0; round < 20; ++round) {
    ThreadPool pool(4);
    for (const size_t count : {0, 1, 3, 100}) {
      std::vector<int> done(count);
      pool.parallel_for(count, [&](size_t index, size_t thread_index) {
        EXPECT(thread_index < pool.size());
        ++done[index];
      });
      EXPECT(std::all_of(done.begin(), done.end(), [](int times) { return times == 1; }));
    }
  }
}

void damaged_weights_are_refused(const Level& level) {
  const std::string path = std::string(P_tmpdir) + "/whisper-npu-cpu-test-short-" + std::to_string(getpid());
  std::ofstream(path) << "short";
  const auto message_of = [&](std::vector<TensorLocation> locations) -> std::string {
    try {
      level.load_model({path, std::move(locations), dimensions_with(1), {}, 1, false});
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  EXPECT(message_of({{"a", 0, 6}}).find("behind the end") != std::string::npos);
  EXPECT(message_of({{"a", ~size_t{0}, 2}}).find("behind the end") != std::string::npos);
  EXPECT(message_of({{"a", 1, 4}}).find("a multiple of 64") != std::string::npos);
  EXPECT(message_of({{"a", 0, 4}, {"a", 0, 5}}).find("two tensors a") != std::string::npos);
  EXPECT(message_of({{"a", 0, 4}}).find("there is no") != std::string::npos);
  std::remove(path.c_str());
  EXPECT(!message_of({}).empty());
}

/** The largest bytes too, whose products do not fit 16 bits: sums are exact, and so the same on every level. */
void byte_products_are_exact(ByteProducts (*byte_products)(const ByteMatrix&)) {
  std::mt19937 random(11);
  std::uniform_int_distribution<int> distribution(-127, 127);
  for (const bool is_extreme : {false, true}) {
    ByteMatrix matrix{{}, {}, 1024, 64};
    for (size_t i = 0; i < matrix.inputs * matrix.outputs; ++i)
      matrix.weights.push_back(static_cast<int8_t>(is_extreme ? (i / matrix.inputs % 2 == 0 ? 127 : -127) : distribution(random)));
    for (size_t i = 0; i < matrix.inputs; ++i)
      matrix.activations.push_back(is_extreme || i % 64 == 0 ? 127.0F : static_cast<float>(distribution(random)));
    std::vector<float> expected;
    for (size_t output = 0; output < matrix.outputs; ++output) {
      int32_t sum = 0;
      for (size_t i = 0; i < matrix.inputs; ++i)
        sum += matrix.weights[output * matrix.inputs + i] * static_cast<int32_t>(matrix.activations[i]);
      expected.push_back(static_cast<float>(sum));
    }
    const ByteProducts actual = byte_products(matrix);
    expect_close(actual.of_many_rows, expected, 0.0F);
    expect_close(actual.of_one_row, expected, 0.0F);
  }
}

/** Of random numbers, and of equal ones, whose sums of products are the largest that there can be. */
void attention_in_integers_is_that_in_floats(AttentionOutputs (*attentions)(const AttentionInput&)) {
  std::mt19937 random(13);
  for (const size_t head_size : {16, 64}) {
    for (const float spread : {0.0F, 1.0F, 4.0F}) {
      const size_t positions = spread == 0.0F ? 1500 : 75;
      std::uniform_real_distribution<float> distribution(1.0F - spread, 1.0F);
      const auto rows = [&] {
        std::vector<float> values(positions * 2 * head_size);
        for (float& value : values) value = distribution(random);
        return values;
      };
      const auto [in_floats, in_integers] = attentions({positions, head_size, rows(), rows(), rows()});
      if (in_integers.empty()) return;
      expect_close(in_integers, in_floats, 2.5e-4F * std::max(1.0F, spread));
    }
  }
}

}  // namespace

int main() {
  int failed = 0;
  const auto run = [&](const std::string& name, const auto& test) {
    try {
      test();
      std::cout << "ok   " << name << std::endl;
    } catch (const std::exception& error) {
      ++failed;
      std::cout << "FAIL " << name << ": " << error.what() << std::endl;
    }
  };
#define TEST(function) run(#function, function)
#define TEST_OF(function, of, ...) run(#function + (of), [&] { function(__VA_ARGS__); })
  TEST(a_thread_pool_does_every_item_once_and_ends);
  TEST(a_cache_keeps_its_entries_when_it_grows);
  const std::map<std::string, ByteProducts (*)(const ByteMatrix&)> byte_products{
#define LEVEL(name) {#name, level_##name::byte_products},
#include "cpu_levels.inc"
#undef LEVEL
  };
  const std::map<std::string, AttentionOutputs (*)(const AttentionInput&)> attentions{
#define LEVEL(name) {#name, level_##name::attentions},
#include "cpu_levels.inc"
#undef LEVEL
  };
  for (const Level& level : supported_levels()) {
    const std::string of_level = std::string(", ") + level.name;
    TEST_OF(byte_products_are_exact, of_level, byte_products.at(level.name));
    TEST_OF(attention_in_integers_is_that_in_floats, of_level, attentions.at(level.name));
    TEST_OF(damaged_weights_are_refused, of_level, level);
    for (const auto& [numbers, name] : numbers_of(level)) {
      const Engine engine{level, numbers};
      TEST_OF(outputs_are_the_same_on_any_number_of_threads, of_level + name, engine);
      for (const size_t heads : {1, 2, 4}) {
        const std::string of = of_level + name + ", " + std::to_string(heads) + " heads";
        TEST_OF(steps_agree_with_a_whole_sequence, of, engine, heads);
        TEST_OF(requests_that_share_steps_give_what_each_gives_alone, of, engine, heads);
        TEST_OF(choices_are_the_highest_logits, of, engine, heads);
      }
    }
  }
  return failed == 0 ? 0 : 1;
}
