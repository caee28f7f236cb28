#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "world.h"

namespace stand_in {

/** The caller's memory for a model; null where the model brings its own. */
struct GivenMemory {
  void* work = nullptr;
  std::size_t work_size = 0;
  void* weights = nullptr;
  std::size_t weights_size = 0;
};

struct LoadRequest {
  /** The OM's file, or its bytes where the path is empty. */
  std::string path;
  std::span<const std::byte> bytes;
  GivenMemory memory;
  std::map<std::string, LoadConfig::Weight> weights;
  std::string weight_folder;
};

/** What the OM says of itself, or why it cannot be loaded. */
OmResult read_request(const LoadRequest& request);

/** Checks the OM and the caller's memory, lets the device load the model, and enters it. */
aclError load(const LoadRequest& request, std::uint32_t* model_id);

}  // namespace stand_in
