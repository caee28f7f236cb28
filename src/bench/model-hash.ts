import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Checkpoint } from '../model/checkpoint.ts';

/**
 * SHA-256 of a checkpoint's weights, hex: of the file where they are in one, as hubs publish it; of the files' hashes, in
 * the order of their names, where they are in several.
 */
export async function weightsSha256({ tensors }: Checkpoint, signal: AbortSignal): Promise<string> {
  const files = [...new Set([...tensors.values()].map(({ file }) => file))].sort();
  const hashes: string[] = [];
  for (const file of files) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { signal });
    hashes.push(hash.digest('hex'));
  }
  const [only] = hashes;
  if (hashes.length === 1 && only !== undefined) return only;
  return createHash('sha256').update(hashes.join('\n')).digest('hex');
}
