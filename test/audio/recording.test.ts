import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AudioRecording, openRecording } from '../../src/audio/recording.ts';

const sample = fileURLToPath(new URL('../../samples/espeak-en-16k.wav', import.meta.url));

let folder: string;
const { TMPDIR: usual } = process.env;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'whisper-npu-recording-'));
  process.env['TMPDIR'] = folder;
});
afterEach(async () => {
  if (usual === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = usual;
  await rm(folder, { recursive: true });
});

async function read(recording: AudioRecording): Promise<number[]> {
  const samples: number[] = [];
  for await (const block of recording.samples()) samples.push(...block);
  return samples;
}

async function throughPipe(): Promise<AudioRecording> {
  const { readFile } = await import('node:fs/promises');
  return openRecording('-', { stdin: Readable.from([await readFile(sample)]) });
}

describe('a recording', () => {
  test.each([
    ['from a file', () => openRecording(sample)],
    ['through a pipe', throughPipe],
  ])('%s is the same every time it is read', async (_, open) => {
    await using recording = await open();
    const first = await read(recording);
    expect(first.length).toBe(89_652);
    expect(await read(recording)).toEqual(first);
    expect(await read(recording)).toEqual(first);
  });

  test('through a pipe leaves nothing behind', async () => {
    const recording = await throughPipe();
    await read(recording);
    expect(readdirSync(folder)).toHaveLength(1);
    await recording[Symbol.asyncDispose]();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('from a file leaves no temporary file at all', async () => {
    await using recording = await openRecording(sample);
    await read(recording);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('through a pipe says so where there is no room to keep it', async () => {
    await writeFile(join(folder, 'file'), '');
    process.env['TMPDIR'] = join(folder, 'file');
    await expect(throughPipe()).rejects.toMatchObject({ code: 'AUDIO_SPOOL_FAILED' });
  });
});
