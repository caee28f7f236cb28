#include "attentions.h"

#include <type_traits>

#include "whisper/encoder_attention.h"
#include "whisper/int16_attention.h"

namespace WHISPER_CPU_LEVEL {

namespace {

template <typename Attention>
std::vector<float> attend(const AttentionInput& input) {
  const size_t state = 2 * input.head_size;
  Attention attention(input.positions, state, 2, 1);
  for (size_t position = 0; position < input.positions; ++position) {
    const size_t row = position * state;
    if constexpr (Attention::takes_whole_rows) {
      attention.put_query(position, input.queries.data() + row);
      attention.put_key(position, input.keys.data() + row);
      attention.put_value(position, input.values.data() + row);
    } else {
      for (size_t channel = 0; channel < state; channel += lanes) {
        attention.put_query(position, channel, load(input.queries.data() + row + channel));
        attention.put_key(position, channel, load(input.keys.data() + row + channel));
        attention.put_value(position, channel, load(input.values.data() + row + channel));
      }
    }
  }
  ThreadPool pool(1);
  Profile profile("attention", 1);
  std::vector<float> output(input.positions * state);
  attention.attend(pool, profile, output.data());
  return output;
}

/** A template, so that what a level does not have is not compiled. */
template <typename Dtype>
std::vector<float> attend_in_integers(const AttentionInput& input) {
  if constexpr (std::is_void_v<Dtype>) {
    return {};
  } else {
    return attend<Int16Attention<Dtype>>(input);
  }
}

}  // namespace

AttentionOutputs attentions(const AttentionInput& input) {
  return {attend<EncoderAttention<Fp32>>(input), attend_in_integers<Int16>(input)};
}

}  // namespace WHISPER_CPU_LEVEL
