import { expect, test } from 'vitest';
import { largestInt8Weight } from '../../src/convert/largest-int8-weight.ts';

test.each([
  ['x64', 'flags : avx2 avx512_vnni avx512_bitalg', 127],
  ['x64', 'flags : avx2 avx_vnni', 127],
  ['x64', 'flags : avx2 avx512bw', 64],
  ['x64', 'flags : avx2 not_avx_vnni_at_all', 64],
  ['x64', '', 64],
  ['arm64', '', 127],
])('on %s with %j weights go to %i', (architecture, cpuInfo, largest) => {
  expect(largestInt8Weight(architecture, cpuInfo)).toBe(largest);
});
