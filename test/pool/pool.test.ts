import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeDirectory } from '../../src/model/store.ts';
import type { OpenPoolOptions } from '../../src/pool/open-pool.ts';
import { type Pool, poolOf } from '../../src/pool/pool.ts';
import type { Recording } from '../../src/transcribe/log-mel-source.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import { transcribe } from '../../src/transcribe/transcribe.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { randomValues } from '../support/random-checkpoint.ts';
import { all, looped, recordingOf, samplesOf } from '../support/recordings.ts';
import { at, scriptedModel } from '../transcribe/scripted-model.ts';

// Built, because the CPU backend starts a worker thread from the file beside its own.
type Library = typeof import('../../src/index.ts');
const library = (await import(built('index.js'))) as Library;

const rate = 16_000;
const noise = (seconds: number) => recordingOf(randomValues(seconds * rate, 1));
const limits = { batchSize: 1, maxRecordings: 8 };

/** A pool of one device, which says a text over each window once it is let; and windows in the order in which they come. */
function scriptedPool(givenLimits = limits) {
  const { model, encoded } = scriptedModel(() => ({ tokens: [at(0), 100, at(30), at(30)] }));
  let letGo = () => {};
  const isLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const backend: typeof model.backend = {
    ...model.backend,
    async encode(logMels, signal) {
      await isLetGo;
      signal?.throwIfAborted();
      return model.backend.encode(logMels, signal);
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const loaded = { ...model, backend, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() };
  return { pool: poolOf([loaded], givenLimits), encoded, letGo };
}

describe('a pool', () => {
  test('takes a window of each recording in turn', async () => {
    const { pool, letGo } = scriptedPool();
    await using _ = pool;
    const order: string[] = [];
    const run = async (name: string) => {
      const options = { timestamps: true, language: 'en' };
      for await (const _ of pool.transcribe(noise(60), options)) order.push(name);
    };
    const running = [run('a'), run('b')];
    letGo();
    await Promise.all(running);
    expect(order.join('')).toMatch(/^(ab){2}$/);
  });

  test('takes windows of a higher priority first', async () => {
    const { pool, letGo } = scriptedPool();
    await using _ = pool;
    const order: string[] = [];
    const run = async (name: string, priority: number) => {
      for await (const _ of pool.transcribe(noise(60), { language: 'en', priority })) order.push(name);
    };
    const running = [run('a', 0), run('b', 0), run('c', 1)];
    while (pool.status().waitingWindows < 2) await setTimeout(1);
    letGo();
    await Promise.all(running);
    // One is at work already.
    expect(order.join('')).toMatch(/^[ab]c/);
  });

  test('says what it is doing', async () => {
    const { pool, letGo } = scriptedPool({ batchSize: 2, maxRecordings: 3 });
    await using _ = pool;
    const idle = { recordings: 0, waitingRecordings: 0, windows: 0, waitingWindows: 0 };
    expect(pool.status()).toMatchObject({ ...idle, devices: [{ places: 2, windows: 0 }] });
    const running = Array.from({ length: 4 }, () =>
      all(pool.transcribe(noise(1), { timestamps: true, language: 'en' })),
    );
    while (pool.status().waitingWindows === 0) await setTimeout(1);
    expect(pool.status()).toMatchObject({ recordings: 3, waitingRecordings: 1, windows: 2, waitingWindows: 1 });
    letGo();
    await Promise.all(running);
    expect(pool.status()).toMatchObject(idle);
  });

  test('goes on with the others when one recording is aborted, in whose place the next one comes', async () => {
    const { pool, letGo } = scriptedPool({ batchSize: 1, maxRecordings: 1 });
    await using _ = pool;
    const aborting = new AbortController();
    const aborted = all(pool.transcribe(noise(1), { timestamps: true, signal: aborting.signal }));
    const next = all(pool.transcribe(noise(1), { timestamps: true, language: 'en' }));
    aborting.abort(new Error('enough'));
    letGo();
    await expect(aborted).rejects.toThrow('enough');
    expect(await next).toHaveLength(1);
  });

  test('ends its recordings when it is closed, and takes no more', async () => {
    const { pool, letGo } = scriptedPool();
    const running = [1, 2].map(() => all(pool.transcribe(noise(1), { timestamps: true })));
    while (pool.status().waitingWindows === 0) await setTimeout(1);
    letGo();
    await pool.close();
    for (const one of running) await expect(one).rejects.toMatchObject({ code: 'POOL_CLOSED' });
    await expect(all(pool.transcribe(noise(1)))).rejects.toMatchObject({ code: 'POOL_CLOSED' });
  });

  test('refuses a priority that there is not', () => {
    const { pool } = scriptedPool();
    expect(() => pool.transcribe(noise(1), { priority: 0.5 })).toThrow('priority is 0.5: expected a whole number');
  });
});

describe.skipIf(models.tinyEn === undefined)('openPool()', () => {
  let pool: Pool;
  let speech: Float32Array;
  const options = {
    model: models.tinyEn ?? '',
    dtype: 'int8',
    offline: true,
    storeDirectory: storeDirectory(process.env),
  } as const;
  beforeAll(async () => {
    speech = await samplesOf('samples/espeak-en-16k.wav');
    const given: OpenPoolOptions = { ...options, device: 'cpu:2x1' };
    pool = await library.openPool(given);
  });
  afterAll(() => pool?.[Symbol.asyncDispose]());

  test('gives each recording what a model alone gives it', async () => {
    const ways: readonly [Recording, TranscribeOptions][] = [
      [recordingOf(speech), {}],
      [recordingOf(looped(speech, 32 * rate)), { wordTimestamps: true, temperatures: [0] }],
      [recordingOf(speech), { beamSize: 2, temperatures: [0] }],
    ];
    await using model = await library.loadModel({ ...options, device: 'cpu', threads: 1 });
    expect(pool.status().devices).toHaveLength(2);
    const together = await Promise.all(ways.map(([recording, way]) => all(pool.transcribe(recording, way))));
    for (const [i, [recording, way]] of ways.entries())
      expect(together[i]).toEqual(await all(transcribe(model, recording, way)));
    const [first] = await pool.detectLanguage(recordingOf(speech));
    expect(first).toEqual({ language: 'en', probability: 1 });
  });
});
