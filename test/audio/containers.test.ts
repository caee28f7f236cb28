import { createReadStream, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openAudio } from '../../src/audio/open-audio.ts';
import { findInputs } from '../../src/cli/transcribe/batch/inputs.ts';
import { type Container, canMakeContainers, containers, makeContainer } from '../support/containers.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { samplesOf } from './wav-bytes.ts';

const wav = 'samples/espeak-en-16k.wav';
if (!canMakeContainers && process.env['CI'] !== undefined)
  throw new Error('CI makes recordings: install ffmpeg and sox');

/** Codecs begin with a frame of silence and fill up their last one. */
const maxLag = 3200;

/** Correlation of two recordings, moved against each other to where a second of their middle is most alike. */
function likeness(a: Float32Array, b: Float32Array): number {
  const middle = Math.floor(a.length / 2);
  let [best, lag] = [Number.NEGATIVE_INFINITY, 0];
  for (let tried = -maxLag; tried <= maxLag; tried++) {
    let sum = 0;
    for (let i = middle; i < middle + 16_000; i += 3) sum += (a[i] ?? 0) * (b[i + tried] ?? 0);
    if (sum > best) [best, lag] = [sum, tried];
  }
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i + lag] ?? 0];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

test('there are 38 containers and codecs', () => {
  expect(new Set(containers.map(({ name }) => name)).size).toBe(38);
});

describe.skipIf(!canMakeContainers)('every container and codec', () => {
  let original: Float32Array;
  beforeAll(async () => {
    original = await samplesOf(await openAudio(wav));
  });

  test.each(containers)('$name: by name, from stdin and in a folder', async (container: Container) => {
    const folder = temporaryFolder();
    const path = makeContainer(container, wav, folder);
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const expected = container.warning === undefined ? [] : [expect.stringMatching(container.warning)];
    const named = await samplesOf(await openAudio(path, { onWarning }));
    expect(warnings.splice(0)).toEqual(expected);
    expect(Math.abs(named.length - original.length)).toBeLessThan(maxLag);
    expect(likeness(original, named)).toBeGreaterThan(container.likeness ?? 0.95);

    const piped = await samplesOf(await openAudio('-', { stdin: createReadStream(path), onWarning }));
    expect(warnings).toEqual(expected);
    expect(Buffer.from(piped.buffer).equals(Buffer.from(named.buffer))).toBe(true);

    expect(await findInputs([folder])).toEqual([{ path, relativePath: container.name }]);
    const elsewhere = join(folder, 'without-extension');
    mkdirSync(elsewhere);
    renameSync(path, join(elsewhere, 'recording'));
    expect((await findInputs([folder])).map(({ failure }) => failure)).toEqual([undefined]); // by its content
  });
});
