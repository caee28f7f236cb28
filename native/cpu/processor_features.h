// What the processor and its operating system can do. The compiler's own __builtin_cpu_supports is not asked: where the
// C++ compiler is zig's, nothing initializes what it looks at in a shared library, and it says no to everything.
#pragma once

/** By the names of the levels that need them: see CMakeLists.txt. */
struct ProcessorFeatures {
  /** What every processor has. */
  bool plain = true;
  /** 8 lanes of float32, with fused multiply-add and conversions of float16. */
  bool avx2 = false;
  /** AVX2 with products of bytes. */
  bool avxvnni = false;
  /** AVX-512 F, BW, VL and DQ with products of bytes (VNNI). */
  bool avx512 = false;
  /** Products of bfloat16 in AVX-512. */
  bool avx512_bfloat16 = false;
  /** Dot products of bytes on arm64. */
  bool dotprod = false;
};

/** Asks the processor each time. */
ProcessorFeatures processor_features();
