// Where tensors lie in one block of memory, when not all of them are needed at the same time.
#pragma once

#include <cstddef>
#include <vector>

namespace network {

/** Memory that is needed from one operator to another, both included. */
struct Lifetime {
  size_t count;
  size_t first;
  size_t last;
};

struct MemoryPlan {
  /** For each lifetime, in f32 from the beginning of the block. */
  std::vector<size_t> offsets;
  /** Of the whole block. */
  size_t count;
};

/** Puts each, in order, at the first place that is free while it lives. */
MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes);

}  // namespace network
