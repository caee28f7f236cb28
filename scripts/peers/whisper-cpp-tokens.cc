// whisper.cpp behind one line of JSON per request: any line in, {"seconds", "text"} out. Its server decodes until the model
// says that a text ends; this decodes as many tokens as are asked for: spectrogram, encoder, prompt, then the likeliest
// token again and again.
//
//   W=$PWD/whisper.cpp; B=$W/build/bin
//   FLAGS="-std=c++17 -O2 -I $W/include -I $W/ggml/include -L $B -Wl,-rpath,$B"
//   g++ $FLAGS scripts/peers/whisper-cpp-tokens.cc -lwhisper -o whisper-cpp-tokens
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "whisper.h"

namespace {

std::vector<float> read_samples(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> samples(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), samples.size() * sizeof(float), reinterpret_cast<char*>(samples.data()));
  return samples;
}

void check(int status, const char* what) {
  if (status == 0) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::exit(1);
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) result += c;
  }
  return result;
}

/** The likeliest text token behind the last of the tokens that were decoded together. */
whisper_token likeliest(whisper_context* context, size_t decoded) {
  const float* logits = whisper_get_logits(context) + (decoded - 1) * static_cast<size_t>(whisper_n_vocab(context));
  return static_cast<whisper_token>(std::max_element(logits, logits + whisper_token_eot(context)) - logits);
}

}  // namespace

/** MODEL SAMPLES LANGUAGE THREADS TOKENS LABEL */
int main(int count, char** arguments) {
  if (count != 7) return 2;
  whisper_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  whisper_context* context = whisper_init_from_file_with_params(arguments[1], whisper_context_default_params());
  if (context == nullptr) return 1;
  std::vector<float> samples = read_samples(arguments[2]);
  samples.resize(30 * WHISPER_SAMPLE_RATE);  // its decoder would attend to what there is, no more; all others to 30 s
  const int threads = std::atoi(arguments[4]);
  const int tokens = std::atoi(arguments[5]);
  const std::vector<whisper_token> prompt{
      whisper_token_sot(context),
      whisper_token_lang(context, whisper_lang_id(arguments[3])),
      whisper_token_transcribe(context),
      whisper_token_not(context),
  };
  std::cout << "{\"label\": \"" << arguments[6] << "\"}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto started = std::chrono::steady_clock::now();
    check(whisper_pcm_to_mel(context, samples.data(), static_cast<int>(samples.size()), threads), "the spectrogram");
    check(whisper_encode(context, 0, threads), "encoding");
    check(whisper_decode(context, prompt.data(), static_cast<int>(prompt.size()), 0, threads), "decoding");
    std::string text;
    for (int i = 0; i < tokens; ++i) {
      const whisper_token token = likeliest(context, i == 0 ? prompt.size() : 1);
      text += whisper_token_to_str(context, token);
      if (i + 1 == tokens) break;
      check(whisper_decode(context, &token, 1, static_cast<int>(prompt.size()) + i, threads), "decoding");
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
    std::cout << "{\"seconds\": " << elapsed.count() << ", \"text\": \"" << escaped(text) << "\"}" << std::endl;
  }
  whisper_free(context);
}
