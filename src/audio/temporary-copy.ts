import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteSource } from './byte-source.ts';
import { spoolFailed } from './spool.ts';

/** What came through a pipe, in a file, for programs that go to and fro in it. Disposing of it removes the file. */
export interface TemporaryCopy extends AsyncDisposable {
  readonly path: string;
}

const blockBytes = 65_536;

/**
 * Copies a source to its end.
 *
 * @throws AudioError 'AUDIO_SPOOL_FAILED' where the folder for temporary files cannot be written, and what reading throws
 */
export async function copyToFile(source: ByteSource): Promise<TemporaryCopy> {
  const directory = await mkdtemp(join(tmpdir(), 'whisper-npu-audio-')).catch(spoolFailed);
  const dispose = () => rm(directory, { recursive: true, force: true });
  const path = join(directory, 'recording');
  try {
    await using file = await open(path, 'wx', 0o600).catch(spoolFailed);
    const block = new Uint8Array(blockBytes);
    for (let nBytes = blockBytes; nBytes === blockBytes; ) {
      nBytes = await source.readInto(block);
      await file.appendFile(block.subarray(0, nBytes)).catch(spoolFailed);
    }
    return { path, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
