import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { prepareCpu } from '../../src/convert/prepare-cpu.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { placesIn } from '../../src/pool/places.ts';
import { pooledBackend } from '../../src/pool/pooled-backend.ts';
import { alignmentHeads, backendContract, contractDimensions as dimensions } from '../backend/contract.ts';
import { built } from '../support/build-dist.ts';
import { randomValues, type Weights, writeRandomCheckpoint } from '../support/random-checkpoint.ts';
import { referenceWhisper } from '../support/reference-whisper.ts';

// Built, because the backend starts a worker thread from the file beside its own.
type CpuBackend = typeof import('../../src/backend/cpu/cpu-backend.ts');
const { openCpuBackend } = (await import(built('backend/cpu/cpu-backend.js'))) as CpuBackend;

let root: string;
let prepared: string;
let weights: Weights;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-pool-'));
  weights = await writeRandomCheckpoint(join(root, 'checkpoint'), {
    dimensions,
    generation: { alignment_heads: alignmentHeads },
  });
  prepared = await prepareCpu(await openCheckpoint(join(root, 'checkpoint')), { store: root, model: 'random' });
});
afterAll(() => rm(root, { recursive: true }));

const openOne = () => openCpuBackend({ directory: prepared, dimensions, threads: 1 });

/** Two devices as one. */
async function openTwo(placesOfEach = 2) {
  const devices = [await openOne(), await openOne()] as const;
  const places = placesIn<Backend>(devices.map((where) => ({ where, places: placesOfEach })));
  const backend = pooledBackend({ first: devices[0], description: 'two', places }, 0);
  const close = async () => {
    for (const device of devices) await device[Symbol.asyncDispose]();
  };
  return { backend: { ...backend, [Symbol.asyncDispose]: close }, devices, places };
}

backendContract('devices as one,', async () => ({
  backend: (await openTwo()).backend,
  reference: referenceWhisper(dimensions, weights),
}));

describe('devices as one', () => {
  const logMel = (seed: number) => randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, seed);

  test('take the windows of a batch each to another device, and are free once its audio is disposed of', async () => {
    const { backend, devices, places } = await openTwo();
    await using _ = backend;
    {
      await using audio = await backend.encode([logMel(1), logMel(2), logMel(3)]);
      expect(audio.count).toBe(3);
      expect(devices.map((device) => places.taken(device))).toEqual([2, 1]);
    }
    expect(devices.map((device) => places.taken(device))).toEqual([0, 0]);
  });

  test('are free again when a window could not be encoded', async () => {
    const { backend, devices, places } = await openTwo();
    await using _ = backend;
    await expect(backend.encode([logMel(1), new Float32Array(3)])).rejects.toThrow();
    expect(devices.map((device) => places.taken(device))).toEqual([0, 0]);
  });
});
