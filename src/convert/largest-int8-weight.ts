import { readFile } from 'node:fs/promises';
import { arch } from 'node:process';

/**
 * The largest 8-bit weight that a processor multiplies without loss. Those of x86-64 without VNNI add two products of an
 * unsigned and a signed byte in 16 bits: 2 * 255 * 64 fits there, 2 * 255 * 127 would saturate.
 *
 * @param cpuInfo what Linux says of it in /proc/cpuinfo; without it the smaller one is safe
 */
export function largestInt8Weight(architecture: string, cpuInfo: string): 127 | 64 {
  return architecture !== 'x64' || /\bavx(512)?_vnni\b/.test(cpuInfo) ? 127 : 64;
}

/** The same of this machine's. */
export async function ownLargestInt8Weight(): Promise<127 | 64> {
  const cpuInfo = await readFile('/proc/cpuinfo', 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''; // not Linux
    throw error;
  });
  return largestInt8Weight(arch, cpuInfo);
}
