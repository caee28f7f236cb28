import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, DecoderRun } from '../../src/backend/backend.ts';
import { prepareCpu } from '../../src/convert/prepare-cpu.ts';
import { NpuError } from '../../src/errors.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { pooledBackend } from '../../src/pool/pooled-backend.ts';
import { pooledDevices } from '../../src/pool/pooled-devices.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';
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

/** Two devices as one, and what was told of them. */
async function openTwo({ placesOfEach = 2, callLimitMs = 600_000, reopens = false } = {}) {
  const told: string[] = [];
  const opened = [failable(await openOne()), failable(await openOne())];
  const models = opened.map(({ backend }, index) => asModel({ ...backend, device: `device ${index}` }));
  const { devices, places } = pooledDevices(models, placesOfEach, {
    callLimitMs,
    probeMs: 1,
    ...(reopens ? { reopen: async () => asModel(await openOne()) } : {}),
    onWarning: (line) => told.push(line),
  });
  const first = { dimensions, givesAttention: true };
  const backend = pooledBackend({ first, description: 'two', places }, 0);
  const close = async () => {
    places.close(new Error('closed'));
    for (const device of devices) await device.close();
  };
  const failNext = (index: number, how: Failing) => opened[index]?.failNext(how);
  return { backend: { ...backend, [Symbol.asyncDispose]: close }, devices, places, told, failNext };
}

const asModel = (backend: Backend) =>
  ({ backend, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() }) as LoadedModel;

/** What the next call of this name meets. */
interface Failing {
  readonly call: 'encode' | 'forward' | 'greedy' | 'candidates';
  readonly error?: Error;
}

/** A backend of which calls can be made to fail; without an error they never end. */
function failable(backend: Backend) {
  let next: Failing | undefined;
  const met = async <T>(call: Failing['call'], work: () => Promise<T>): Promise<T> => {
    if (next?.call !== call) return work();
    const { error } = next;
    next = undefined;
    if (error === undefined) return new Promise<never>(() => {});
    throw error;
  };
  const run = (inner: DecoderRun): DecoderRun => ({
    ...inner,
    forward: (step, signal) => met('forward', () => inner.forward(step, signal)),
    greedy: (request, signal) => met('greedy', () => inner.greedy(request, signal)),
    candidates: (step, request, signal) => met('candidates', () => inner.candidates(step, request, signal)),
  });
  const failing: Backend = {
    ...backend,
    encode: (logMels, signal) =>
      met('encode', async () => {
        const audio = await backend.encode(logMels, signal);
        return { ...audio, startDecoder: async (window) => run(await audio.startDecoder(window)) };
      }),
  };
  return {
    backend: failing,
    failNext(how: Failing) {
      next = how;
    },
  };
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

describe('a device that fails', () => {
  const logMel = (seed: number) => randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, seed);
  const mask = new Float32Array(dimensions.nVocab);
  const request = { prompts: [[1, 2]], beginSuppress: mask, suppress: mask, stopToken: -1, maxTokens: 4 };
  /** A text by every sort of call. */
  async function textOver(backend: Backend) {
    await using audio = await backend.encode([logMel(1)]);
    await using run = await audio.startDecoder();
    const greedy = await run.greedy(request);
    const beams = await run.candidates({ tokens: [[5], [6]], parents: [0, 0] }, { count: 3, suppress: mask });
    const { logits } = await run.forward({ tokens: [[7], [8]], parents: [1, 0], attention: true });
    return { sequences: greedy.sequences, beams, logits };
  }
  const lost = new NpuError('NPU_DEVICE_LOST', 'the device is lost');

  test.each(['encode', 'greedy', 'candidates', 'forward'] as const)(
    'in the middle of %s is taken out, and its window is done again elsewhere with the same result',
    async (call) => {
      const { backend, devices, places, told, failNext } = await openTwo();
      await using _ = backend;
      await using alone = await openOne();
      failNext(0, { call, error: lost });
      expect(await textOver(backend)).toEqual(await textOver(alone));
      expect(told).toEqual(['device 0 has failed, and others do its windows again: the device is lost']);
      expect(devices.map((device) => places.taken(device))).toEqual([0, 0]);
      await textOver(backend); // on the other one
      expect(told).toHaveLength(1);
    },
  );

  test('by not answering is taken out after the time limit', async () => {
    const { backend, told, failNext } = await openTwo({ callLimitMs: 3000 });
    await using _ = backend;
    await using alone = await openOne();
    failNext(0, { call: 'greedy' });
    expect(await textOver(backend)).toEqual(await textOver(alone));
    expect(told).toEqual(['device 0 has failed, and others do its windows again: device 0 did not answer within 3 s']);
  });

  test('has its other windows done elsewhere too, though all places there are taken', async () => {
    const { backend, devices, places, failNext } = await openTwo({ placesOfEach: 1 });
    await using _ = backend;
    await using audio = await backend.encode([logMel(1), logMel(2)]);
    await using run = await audio.startDecoder();
    failNext(0, { call: 'forward', error: lost });
    await run.forward({ tokens: [[1], [2]] });
    expect(devices.map((device) => places.taken(device))).toEqual([0, 2]);
  });

  test('comes back once it computes again', async () => {
    const { backend, told, failNext, devices } = await openTwo({ reopens: true });
    await using _ = backend;
    failNext(0, { call: 'encode', error: lost });
    await textOver(backend);
    await expect.poll(() => told).toEqual([expect.stringContaining('device 0 has failed'), 'device 0 works again']);
    expect(devices[0]?.backend).toBeDefined();
  });

  test('is waited for where no other is left, and goes on with what waited once it computes again', async () => {
    const { backend, failNext } = await openTwo({ reopens: true });
    await using _ = backend;
    await using alone = await openOne();
    for (const index of [0, 1]) failNext(index, { call: 'encode', error: lost });
    expect(await textOver(backend)).toEqual(await textOver(alone));
  });

  test('is told of as it failed where no other is left', async () => {
    const { backend, failNext } = await openTwo();
    await using _ = backend;
    for (const index of [0, 1]) failNext(index, { call: 'encode', error: lost });
    await expect(textOver(backend)).rejects.toBe(lost);
  });

  test('is not what fails where what it was asked for is wrong', async () => {
    const { backend, told } = await openTwo();
    await using _ = backend;
    await using audio = await backend.encode([logMel(1)]);
    await using run = await audio.startDecoder();
    await expect(run.forward({ tokens: [[dimensions.nVocab]] })).rejects.toThrow('tokens do not include');
    expect(told).toEqual([]);
  });
});

test('a recording that encodes a window beside those that it holds does not wait for its own places', async () => {
  const { backend } = await openTwo({ placesOfEach: 1 });
  await using pool = backend;
  const window = () => [randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 1)];
  const held = [await pool.encode(window()), await pool.encode(window())];
  const third = await Promise.race([pool.encode(window()), sleep(10_000)]);
  if (third === undefined) throw new Error('it waits');
  for (const audio of [...held, third]) await audio[Symbol.asyncDispose]();
});
