#include "memory_plan.h"

#include <algorithm>

namespace network {
namespace {

/** A cache line of f32. */
constexpr size_t alignment = 16;

size_t aligned(size_t count) { return (count + alignment - 1) / alignment * alignment; }

}  // namespace

MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes) {
  struct Place {
    size_t begin;
    size_t end;
  };
  MemoryPlan plan{{}, 0};
  for (const Lifetime& lifetime : lifetimes) {
    std::vector<Place> taken;
    for (size_t i = 0; i < plan.offsets.size(); ++i) {
      const Lifetime& other = lifetimes[i];
      if (other.first <= lifetime.last && lifetime.first <= other.last)
        taken.push_back({plan.offsets[i], plan.offsets[i] + aligned(other.count)});
    }
    std::sort(taken.begin(), taken.end(), [](const Place& one, const Place& other) { return one.begin < other.begin; });
    size_t offset = 0;
    for (const Place& place : taken) {
      if (offset + lifetime.count <= place.begin) break;
      offset = std::max(offset, place.end);
    }
    plan.offsets.push_back(offset);
    plan.count = std::max(plan.count, offset + aligned(lifetime.count));
  }
  return plan;
}

}  // namespace network
