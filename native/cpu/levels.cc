#include "levels.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "processor_features.h"

// cpu_levels.inc lists the levels: see CMakeLists.txt.
#define LEVEL(name)                                               \
  namespace level_##name {                                        \
  std::unique_ptr<Model> load_model(const ModelOptions& options); \
  }                                                               \
  namespace network::level_##name {                               \
  extern const Kernels kernels;                                   \
  }
#include "cpu_levels.inc"
#undef LEVEL

namespace {

/** Every one, in the order of their linking. */
constexpr Level levels[] = {
#define LEVEL(name) \
  {#name, [] { return processor_features().name; }, level_##name::load_model, network::level_##name::kernels},
#include "cpu_levels.inc"
#undef LEVEL
};

}  // namespace

std::vector<Level> supported_levels() {
  std::vector<Level> supported;
  std::copy_if(std::begin(levels), std::end(levels), std::back_inserter(supported),
               [](const Level& level) { return level.is_supported(); });
  return supported;
}

Level level_of_name(const std::string& name) {
  for (const Level& level : supported_levels())
    if (level.name == name) return level;
  throw std::invalid_argument("this processor has no level " + name);
}

bool has_bfloat16() { return processor_features().avx512_bfloat16; }
