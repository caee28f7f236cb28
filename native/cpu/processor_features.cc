#include "processor_features.h"

#ifdef __x86_64__
#include <cpuid.h>

#include <cstdint>

namespace {

/** What CPUID answers: Intel's Software Developer's Manual, volume 2A, CPUID. All 0 where the processor has no such leaf. */
struct Leaf {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf leaf(uint32_t number, uint32_t subleaf) {
  Leaf result;
  __get_cpuid_count(number, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx);
  return result;
}

constexpr bool has(uint32_t bits, int bit) { return (bits >> bit & 1) != 0; }

/** Which registers the operating system saves when it switches threads (XCR0). */
uint32_t saved_registers() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

}  // namespace

ProcessorFeatures processor_features() {
  const Leaf basic = leaf(1, 0);
  if (!has(basic.ecx, 27)) return {};  // OSXSAVE: without it there is no XCR0 to read
  const uint32_t saved = saved_registers();
  const bool saves_ymm = (saved & 0x06) == 0x06;  // XMM and the upper halves of YMM
  const bool saves_zmm = (saved & 0xe6) == 0xe6;  // masks, the upper halves of ZMM, and ZMM 16 to 31 too
  const Leaf extended = leaf(7, 0);
  ProcessorFeatures features;
  features.avx2 = saves_ymm && has(basic.ecx, 12) && has(basic.ecx, 29) && has(extended.ebx, 5);
  features.avxvnni = features.avx2 && has(leaf(7, 1).eax, 4);
  features.avx512 = features.avx2 && saves_zmm && has(extended.ebx, 16) && has(extended.ebx, 17) &&
                    has(extended.ebx, 30) && has(extended.ebx, 31) && has(extended.ecx, 11);
  features.avx512_bfloat16 = features.avx512 && has(leaf(7, 1).eax, 5);
  return features;
}
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

ProcessorFeatures processor_features() {
  ProcessorFeatures features;
  features.dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  return features;
}
#else
ProcessorFeatures processor_features() { return {}; }
#endif
