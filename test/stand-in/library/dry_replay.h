#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dry_memory.h"
#include "recorded_tokens.h"

namespace stand_in {

/**
 * Writes what recorded tokens would have been chosen from into the results of Whisper's graphs, known by the names of their tensors
 * (src/graph/npu-*.ts). An encoder's cross_k_0 gets the key of its log_mel, by which decoders know the window that they are over.
 */
class DryReplay {
 public:
  DryReplay(DryMemory& memory, RecordedTokens tokens) : memory_(memory), tokens_(std::move(tokens)) {}

  /** @param places of the inputs, then of the outputs. @return 507015 where no text was recorded for a window */
  Answer run(const OmInfo& info, const std::vector<DeviceRange>& places);
  /** The allocation is gone. */
  void forget(std::uint64_t allocation);

 private:
  struct Tensor {
    const TensorInfo* info = nullptr;
    DeviceRange place;
  };
  using Tensors = std::map<std::string, Tensor>;

  void encode(const Tensors& tensors);
  void greedy_step(const Tensors& tensors);
  void rows(const Tensors& tensors);
  std::int32_t token(const Tensors& tensors, std::uint64_t window, std::int64_t place);
  void write_logits(const Tensor& logits, std::uint64_t row, std::int32_t token);

  DryMemory& memory_;
  RecordedTokens tokens_;
  /** Which logit of a row is not 0, by allocation and offset of the row. */
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::int32_t> chosen_;
};

}  // namespace stand_in
