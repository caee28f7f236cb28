// What this machine can do at most, on as many threads as are asked for: products in registers, in each type that
// native/cpu computes in, and reading memory that no cache holds. Beside it, `whisper-npu bench --profile` says what is used.
//
//   g++ -std=c++20 -O3 -march=native -pthread -I native/cpu scripts/measure-peaks.cc native/cpu/team.cc -o build/measure-peaks
//   build/measure-peaks 2
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "memory_block.h"
#include "simd.h"
#include "team.h"

namespace {

constexpr size_t repeats = 2'000'000;
/** Enough sums that none waits for its last one. */
constexpr size_t sum_count = 12;

template <typename Work>
double best_seconds(const Work& work) {
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto started = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
  return best;
}

/** @param operations of one call of `add` for 16 sums of 32 bits: a multiplication and an addition each */
template <typename Sum, typename Add>
void measure_products(const char* name, Team& team, double operations, const Add& add) {
  const double seconds = best_seconds([&] {
    team.each(team.size(), [&](size_t, size_t) {
      Sum sums[sum_count] = {};
      for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 12
        for (Sum& sum : sums) {
          sum = add(sum);
          asm volatile("" : "+v"(sum));  // so that no two of them are made one
        }
      }
    });
  });
  const auto calls = static_cast<double>(repeats * sum_count * team.size());
  std::printf("%-9s %6.0f GOP/s\n", name, calls * operations / seconds / 1e9);
}

void measure_reading(Team& team) {
  constexpr size_t size_bytes = 512 << 20;
  constexpr size_t item_bytes = 1 << 20;
  const MemoryBlock memory(size_bytes);
  std::fill_n(memory.as<float>(), size_bytes / sizeof(float), 1.0F);
  const double seconds = best_seconds([&] {
    team.each(size_bytes / item_bytes, [&](size_t item, size_t) {
      const float* from = memory.as<float>() + item * item_bytes / sizeof(float);
      Floats sums[8] = {};
      for (size_t i = 0; i < item_bytes / sizeof(float); i += 8 * lanes)
#pragma GCC unroll 8
        for (size_t v = 0; v < 8; ++v) sums[v] += load(from + i + v * lanes);
      for (Floats& sum : sums) asm volatile("" : "+v"(sum));
    });
  });
  std::printf("%-9s %6.1f GB/s\n", "reading", static_cast<double>(size_bytes) / seconds / 1e9);
}

}  // namespace

int main(int count, char** arguments) {
  Team team(count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 1);
  const Floats factor = all(1.0F);
  measure_products<Floats>("float32", team, 2 * lanes, [&](Floats sum) { return _mm512_fmadd_ps(factor, factor, sum); });
#ifdef __AVX512BF16__
  const auto halves = _mm512_cvtne2ps_pbh(factor, factor);
  measure_products<Floats>("bfloat16", team, 4 * lanes, [&](Floats sum) { return _mm512_dpbf16_ps(sum, halves, halves); });
#endif
  const __m512i bytes = _mm512_set1_epi8(1);
  measure_products<__m512i>("bytes", team, 8 * lanes, [&](__m512i sum) { return _mm512_dpbusd_epi32(sum, bytes, bytes); });
  measure_reading(team);
}
