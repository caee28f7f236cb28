import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/decoding/random.ts';
import { storeDirectory } from '../../src/model/store.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { transcribe } from '../../src/transcribe/transcribe.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { all, looped, recordingOf, samplesOf } from '../support/recordings.ts';

// Built, because the CPU backend starts a worker thread from the file beside its own.
type Library = typeof import('../../src/index.ts');
const library = (await import(built('index.js'))) as Library;

/** For each type that the engine computes in. */
const nMixes = Number(process.env['WHISPER_NPU_TEST_POOL_MIXES'] ?? 1);
/** The number of the first mix, to try one again. */
const firstMix = Number(process.env['WHISPER_NPU_TEST_POOL_FIRST_MIX'] ?? 1);
const rate = 16_000;

const ways: readonly TranscribeOptions[] = [
  {},
  { timestamps: true },
  { timestamps: true, wordTimestamps: true, temperatures: [0] },
  { beamSize: 2, temperatures: [0] },
  { temperatures: [0.7], bestOf: 1, seed: 5 },
  { timestamps: true, logprobThreshold: 0, temperatures: [0, 0.4], bestOf: 1, seed: 6 },
];
/** Where a recording begins in the sample, and how long it is. */
const cuts = [
  [0, 3],
  [1.5, 6],
  [4, 1.2],
  [2, 4],
] as const;

describe.skipIf(models.tinyEn === undefined).each(['int8', 'float32'] as const)('recordings in %s', (dtype) => {
  const options = {
    model: models.tinyEn ?? '',
    dtype,
    threads: 1,
    offline: true,
    storeDirectory: storeDirectory(process.env),
  };
  let speech: Float32Array;
  let alone: Awaited<ReturnType<Library['loadModel']>>;
  beforeAll(async () => {
    speech = await samplesOf('samples/espeak-en-16k.wav');
    alone = await library.loadModel({ ...options, device: 'cpu' });
  });
  afterAll(() => alone?.[Symbol.asyncDispose]());

  const recording = (cut: number) => {
    const [start, length] = cuts[cut] as (typeof cuts)[number];
    return recordingOf(looped(speech.subarray(start * rate), length * rate));
  };
  const known = new Map<string, Promise<Segment[]>>();
  /** What a recording gives that has a model to itself. */
  const expected = (cut: number, way: number) => {
    const key = `${cut} ${way}`;
    const segments = known.get(key) ?? all(transcribe(alone, recording(cut), ways[way]));
    known.set(key, segments);
    return segments;
  };

  test.each(Array.from({ length: nMixes }, (_, i) => firstMix + i))(
    'give what each gives alone, whoever shares their steps or is aborted: mix %i',
    async (mix) => {
      const random = seededRandom(mix);
      const below = (limit: number) => Math.floor(random() * limit);
      const device = below(3) === 0 ? 'cpu:2x1' : 'cpu:1x1';
      await using pool = await library.openPool({ ...options, device, batchSize: 1 + below(6) });
      const asked = Array.from({ length: 2 + below(3) }, () => {
        const isAborted = below(4) === 0;
        return { cut: below(cuts.length), way: below(ways.length), isAborted, atMs: below(1500), priority: below(2) };
      });
      const outcomes = await Promise.allSettled(
        asked.map(async ({ cut, way, isAborted, atMs, priority }) => {
          const aborting = new AbortController();
          const timer = isAborted ? setTimeout(() => aborting.abort(new Error('enough')), atMs) : undefined;
          try {
            return await all(pool.transcribe(recording(cut), { ...ways[way], priority, signal: aborting.signal }));
          } finally {
            clearTimeout(timer);
          }
        }),
      );
      for (const [i, { cut, way, isAborted }] of asked.entries()) {
        const outcome = outcomes[i] as PromiseSettledResult<Segment[]>;
        if (outcome.status === 'rejected') expect([isAborted, String(outcome.reason)]).toEqual([true, 'Error: enough']);
        else expect(outcome.value).toEqual(await expected(cut, way));
      }
      expect(pool.status()).toMatchObject({ recordings: 0, windows: 0, waitingWindows: 0 });
    },
  );
});
