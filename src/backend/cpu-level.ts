/** What the engine computes with: nothing but what every processor of its architecture has, or more. */
export type CpuLevel = 'plain' | 'avx2' | 'avxvnni' | 'avx512' | 'dotprod';

/** Levels as people know them. */
export const levelNames: Readonly<Record<CpuLevel, string>> = {
  plain: 'plain',
  avx2: 'AVX2',
  avxvnni: 'AVX2 with VNNI',
  avx512: 'AVX-512',
  dotprod: 'NEON with dot products',
};
