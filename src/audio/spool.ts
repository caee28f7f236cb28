import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AudioError } from '../errors.ts';

/** Samples kept in a temporary file, f32, to be read again. Disposing of it removes the file. */
export interface Spool extends AsyncDisposable {
  /** Passes samples on and keeps them. */
  record(samples: AsyncIterable<Float32Array>): AsyncIterable<Float32Array>;
  /** What was recorded, from its start, in fresh blocks. */
  replay(): AsyncIterable<Float32Array>;
}

const blockSamples = 65_536;

/** @throws AudioError 'AUDIO_SPOOL_FAILED' where the folder for temporary files cannot be written, also while recording */
export async function openSpool(): Promise<Spool> {
  const [directory, file] = await createFile().catch(spoolFailed);
  return {
    async *record(samples) {
      for await (const block of samples) {
        await file.appendFile(new Uint8Array(block.buffer, block.byteOffset, block.byteLength)).catch(spoolFailed);
        yield block;
      }
    },
    async *replay() {
      for (let position = 0; ; ) {
        const block = new Float32Array(blockSamples);
        const { bytesRead } = await file.read({ buffer: new Uint8Array(block.buffer), position }).catch(spoolFailed);
        if (bytesRead === 0) return;
        position += bytesRead;
        yield block.subarray(0, bytesRead / Float32Array.BYTES_PER_ELEMENT);
      }
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function createFile(): Promise<[directory: string, file: FileHandle]> {
  const directory = await mkdtemp(join(tmpdir(), 'whisper-npu-audio-'));
  return [directory, await open(join(directory, 'samples.f32'), 'a+', 0o600)];
}

export function spoolFailed(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new AudioError('AUDIO_SPOOL_FAILED', `cannot keep the recording in a temporary file: ${reason}`, {
    hint: 'Free space there, or name another folder in TMPDIR.',
    cause,
  });
}
