import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/backend/backend.ts';
import { loadCpuAddon } from '../../../src/backend/cpu/cpu-addon.ts';
import { prepareCpu } from '../../../src/convert/prepare-cpu.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import type { CpuDtype } from '../../../src/model/dtype.ts';
import type { OpenModelOptions } from '../../../src/setup/open-model.ts';
import type { LoadedModel } from '../../../src/transcribe/loaded-model.ts';
import { built } from '../../support/build-dist.ts';
import { cosine } from '../../support/compare.ts';
import { models } from '../../support/models.ts';
import { randomValues, smallDimensions, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { readNpy, shared } from '../../support/shared.ts';

type CpuBackend = typeof import('../../../src/backend/cpu/cpu-backend.ts');
type OpenModel = typeof import('../../../src/setup/open-model.ts');

// 8-bit products are rounded: what stands here is how much of a model is left, not that it is exact.
const dimensions = { ...smallDimensions, nAudioState: 64, nTextState: 64 };
describe.each(loadCpuAddon(dimensions).levels())('a model in int8 on the CPU, on the level %s,', (level) => {
  let root: string;
  const folders = new Map<CpuDtype, string>();
  const backends = new Map<CpuDtype, Backend>();
  beforeAll(async () => {
    const { openCpuBackend } = (await import(built('backend/cpu/cpu-backend.js'))) as CpuBackend;
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-int8-'));
    await writeRandomCheckpoint(join(root, 'model'), { dimensions });
    const checkpoint = await openCheckpoint(join(root, 'model'));
    for (const dtype of ['float32', 'int8'] as const) {
      const directory = await prepareCpu(checkpoint, { store: root, model: 'random' }, { dtype });
      folders.set(dtype, directory);
      backends.set(dtype, await openCpuBackend({ directory, dimensions, threads: 1, level }));
    }
  });
  afterAll(async () => {
    for (const backend of backends.values()) await backend[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });

  const logMel = (seed: number) => randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, seed);

  async function results(dtype: CpuDtype, loudness: number) {
    const mel = logMel(1).map((value) => value * loudness);
    await using audio = await backends.get(dtype)!.encode([mel]);
    await using run = await audio.startDecoder();
    const { logits } = await run.forward({ tokens: [[1, 5, 9, 12]], logitsFrom: 0 });
    const step = await run.forward({ tokens: [[3]] });
    return { encoded: await audio.encoderOutput(), logits, step: step.logits };
  }

  test.each([1, 0.01, 0])('gives nearly what float32 gives, at loudness %f', async (loudness) => {
    const [expected, actual] = [await results('float32', loudness), await results('int8', loudness)];
    for (const part of ['encoded', 'logits', 'step'] as const) {
      expect(cosine(actual[part], expected[part])).toBeGreaterThan(0.995);
      expect(actual[part]).not.toEqual(expected[part]); // or nothing would be in 8 bits
    }
  });

  test('is a folder of its own, and smaller', async () => {
    const [whole, small] = [folders.get('float32')!, folders.get('int8')!];
    expect(small).not.toBe(whole);
    const size = async (folder: string) => (await stat(join(folder, 'weights.bin'))).size;
    expect(await size(small)).toBeLessThan((await size(whole)) * 0.6);
  });
});

describe.skipIf(shared === undefined || models.base === undefined)('whisper-base in int8 on the CPU', () => {
  let root: string;
  let model: LoadedModel;
  beforeAll(async () => {
    const { openModel } = (await import(built('setup/open-model.js'))) as OpenModel;
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-int8-'));
    const context: OpenModelOptions['context'] = { storeDirectory: root, env: process.env, offline: true };
    model = await openModel({ model: models.base ?? '', device: { kind: 'cpu' }, dtype: 'int8', context, threads: 2 });
  });
  afterAll(async () => {
    await model[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });

  // Without the smoothed layer norms the cosine is 0.9973.
  test('encodes within a cosine of 0.9985 of the reference', async () => {
    const array = (file: string) =>
      readNpy(join(shared ?? '', 'golden', 'whisper-base', file)).data as Float32Array<ArrayBuffer>;
    await using audio = await model.backend.encode([array('jfk.log_mel.npy')]);
    expect(cosine(await audio.encoderOutput(), array('jfk.encoder.npy'))).toBeGreaterThan(0.9985);
  });
});
