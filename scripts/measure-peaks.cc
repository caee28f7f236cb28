// What this machine can do at most, on as many threads as are asked for: products in registers, in each type in which a level
// of native/cpu computes, and reading memory that no cache holds. Beside it, `whisper-npu bench --profile` says what is used.
// The best of many short tries, as others may be at work. For a level, its header and flags are those of CMakeLists.txt:
//
//   g++ -std=c++20 -O3 -mavx2 -mfma -mf16c -DWHISPER_CPU_LEVEL=level '-DWHISPER_CPU_SIMD="avx2.h"' -Wno-ignored-attributes
//     -pthread -I native/cpu scripts/measure-peaks.cc native/cpu/thread_pool.cc -o build/measure-peaks      (in one line)
//   build/measure-peaks 2
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include "memory_block.h"
#include "thread_pool.h"
#include "whisper/product.h"

using namespace WHISPER_CPU_LEVEL;

namespace {

constexpr size_t repeats = 50'000;
/** Enough sums that none waits for its last one, and few enough for the registers. */
constexpr size_t sum_count = 12;

/** Hides from the compiler what a register holds, so that nothing is computed but once. */
template <typename Vector>
inline void hide(Vector& vector) {
#ifdef __aarch64__
  asm volatile("" : "+w"(vector));
#else
  asm volatile("" : "+x"(vector));
#endif
}

template <typename Work>
double best_seconds(int tries, const Work& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < tries; ++i) {
    const auto started = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
  return best;
}

template <typename Dtype>
[[gnu::noinline]] void multiply_in_registers() {
  typename Dtype::Sum sums[sum_count];
  for (auto& sum : sums) sum = Dtype::zero();
  Integers columns = broadcast(0);
  int32_t row = 0;
  asm volatile("" : "+r"(row));
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      hide(columns);
      sum = Dtype::add(sum, columns, row);
    }
  }
  for (auto& sum : sums) hide(sum);
}

/** Nothing for a kind that the level does not have. */
template <typename Dtype>
void measure_products(const char* name, ThreadPool& pool) {
  if constexpr (!std::is_void_v<Dtype>) {
    const auto work = [](size_t, size_t) { multiply_in_registers<Dtype>(); };
    const double seconds = best_seconds(300, [&] { pool.parallel_for(pool.size(), work); });
    // A multiplication and an addition each.
    const auto operations = static_cast<double>(2 * repeats * sum_count * pool.size() * lanes * elements_per_lane<Dtype>);
    std::printf("%-17s %6.0f GOP/s\n", name, operations / seconds / 1e9);
  }
}

void measure_reading(ThreadPool& pool) {
  constexpr size_t size_bytes = 256 << 20;
  constexpr size_t item_bytes = 1 << 20;
  const MemoryBlock memory(size_bytes);
  std::fill_n(memory.as<float>(), size_bytes / sizeof(float), 1.0F);
  const double seconds = best_seconds(20, [&] {
    pool.parallel_for(size_bytes / item_bytes, [&](size_t item, size_t) {
      const float* from = memory.as<float>() + item * item_bytes / sizeof(float);
      Floats sums[8] = {};
      for (size_t i = 0; i < item_bytes / sizeof(float); i += 8 * lanes)
#pragma GCC unroll 8
        for (size_t v = 0; v < 8; ++v) sums[v] += load(from + i + v * lanes);
      for (Floats& sum : sums) hide(sum);
    });
  });
  std::printf("%-17s %6.1f GB/s\n", "reading", static_cast<double>(size_bytes) / seconds / 1e9);
}

}  // namespace

int main(int count, char** arguments) {
  ThreadPool pool(count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 1);
  measure_products<Fp32>("float32", pool);
  measure_products<BFloat16>("bfloat16", pool);
  measure_products<Int16>("16-bit integers", pool);
  measure_products<Int8>("bytes", pool);
  measure_reading(pool);
}
