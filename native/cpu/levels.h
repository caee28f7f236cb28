// The levels of processors that the engine was compiled for. The same sources (whisper/, simd/) are compiled once for each,
// in a namespace of its own and with its own flags; what calls them, this file included, runs on any processor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model.h"
#include "network/kernels.h"

struct Level {
  const char* name;
  bool (*is_supported)();
  /**
   * @throws std::runtime_error when the weights are not those of such a model
   * @throws std::invalid_argument when no model has such sizes
   */
  std::unique_ptr<Model> (*load_model)(const ModelOptions& options);
  /** Loops of the networks beside Whisper. */
  const network::Kernels& network_kernels;
};

/** Those that this processor has, each faster than the one before. */
std::vector<Level> supported_levels();

/** @throws std::invalid_argument when this processor has no level of that name */
Level level_of_name(const std::string& name);

/** Whether the processor multiplies bfloat16. */
bool has_bfloat16();
