#include "levels.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "processor_features.h"

#define DECLARE_LEVEL(level) \
  namespace level {          \
  std::unique_ptr<Model> load_model(const ModelOptions& options); \
  }                          \
  namespace network::level { \
  extern const Kernels kernels; \
  }
DECLARE_LEVEL(level_plain)
#ifdef WHISPER_CPU_HAS_AVX2
DECLARE_LEVEL(level_avx2)
#endif
#ifdef WHISPER_CPU_HAS_AVXVNNI
DECLARE_LEVEL(level_avxvnni)
#endif
#ifdef WHISPER_CPU_HAS_AVX512
DECLARE_LEVEL(level_avx512)
#endif
#ifdef WHISPER_CPU_HAS_DOTPROD
DECLARE_LEVEL(level_dotprod)
#endif

namespace {

/** Every one, in the order of their linking: see CMakeLists.txt. */
constexpr Level levels[] = {
    {"plain", [] { return true; }, level_plain::load_model, network::level_plain::kernels},
#ifdef WHISPER_CPU_HAS_AVX2
    {"avx2", [] { return processor_features().avx2; }, level_avx2::load_model, network::level_avx2::kernels},
#endif
#ifdef WHISPER_CPU_HAS_AVXVNNI
    {"avxvnni", [] { return processor_features().avx_vnni; }, level_avxvnni::load_model,
     network::level_avxvnni::kernels},
#endif
#ifdef WHISPER_CPU_HAS_AVX512
    {"avx512", [] { return processor_features().avx512_vnni; }, level_avx512::load_model,
     network::level_avx512::kernels},
#endif
#ifdef WHISPER_CPU_HAS_DOTPROD
    {"dotprod", [] { return processor_features().dot_products; }, level_dotprod::load_model,
     network::level_dotprod::kernels},
#endif
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
