import { createHash } from 'node:crypto';
import { openFile } from './byte-source.ts';

const blockBytes = 1 << 20;

/**
 * SHA-256 and size of a recording's file.
 *
 * @throws AudioError where it cannot be read
 */
export async function hashFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await using source = await openFile(path);
  const block = Buffer.allocUnsafe(blockBytes);
  for (;;) {
    signal?.throwIfAborted();
    const length = await source.readInto(block);
    hash.update(block.subarray(0, length));
    sizeBytes += length;
    if (length < blockBytes) return { sha256: hash.digest('hex'), sizeBytes };
  }
}
