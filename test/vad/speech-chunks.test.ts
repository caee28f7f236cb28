import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChunkOptions, type SpeechChunk, speechChunks, speechOnly } from '../../src/vad/speech-chunks.ts';
import type { SpeechOptions } from '../../src/vad/speech-detector.ts';
import { type SpeechModel, windowSamples } from '../../src/vad/speech-model.ts';
import { concatenate } from '../audio/wav-bytes.ts';
import { speechTimestamps } from './reference-speech.ts';

/** Hears speech in every window that holds a sample above 0. */
const model: SpeechModel = {
  listen: () => ({
    async push(samples) {
      expect(samples.length % windowSamples).toBe(0);
      return Float32Array.from({ length: samples.length / windowSamples }, (_, i) =>
        samples.subarray(i * windowSamples, (i + 1) * windowSamples).some((x) => x > 0) ? 1 : 0,
      );
    },
  }),
  [Symbol.asyncDispose]: async () => undefined,
};

/** Sample i is i + 1 over 2 ** 24, below 0 in silence, so that each tells its place. */
function recording(...runs: readonly (readonly [seconds: number, isSpeech: boolean])[]): Float32Array {
  const parts = runs.map(([seconds, isSpeech]) =>
    new Float32Array(Math.round(seconds * 16_000)).fill(isSpeech ? 1 : -1),
  );
  return concatenate(parts).map((sign, i) => (sign * (i + 1)) / 2 ** 24);
}
const placeOf = (sample: number) => Math.round(Math.abs(sample) * 2 ** 24) - 1;

async function* blocks(samples: Float32Array, ...lengths: number[]): AsyncGenerator<Float32Array> {
  for (let start = 0, n = 0; start < samples.length; n++) {
    const length = lengths[n % lengths.length] ?? samples.length;
    yield samples.slice(start, start + length);
    start += length;
  }
}

async function onlySpeech(samples: Float32Array, options: SpeechOptions = {}, ...lengths: number[]) {
  const speech = speechOnly(blocks(samples, ...lengths), model, options);
  const parts: Float32Array[] = [];
  for await (const part of speech.samples) parts.push(part);
  return { samples: concatenate(parts), times: speech.times };
}

async function chunksOf(samples: Float32Array, options: ChunkOptions = {}): Promise<SpeechChunk[]> {
  const chunks: SpeechChunk[] = [];
  for await (const chunk of speechChunks(blocks(samples, 5000), model, options)) chunks.push(chunk);
  return chunks;
}

/** The rule's own answer about a recording, in samples. */
function expected(samples: Float32Array, options: SpeechOptions = {}) {
  const probabilities = Array.from({ length: Math.floor(samples.length / 512) + 1 }, (_, i) =>
    samples.subarray(i * 512, (i + 1) * 512).some((x) => x > 0) ? 1 : 0,
  );
  return speechTimestamps(probabilities, samples.length, {
    threshold: 0.5,
    negThreshold: 0.35,
    minSpeechMs: 0,
    maxSpeechSeconds: Number.POSITIVE_INFINITY,
    minSilenceMs: 2000,
    speechPadMs: 400,
    ...options,
  });
}

const runs = fc.array(fc.tuple(fc.double({ min: 0.01, max: 8, noNaN: true }), fc.boolean()), { maxLength: 12 });

describe('speech only', () => {
  test('is what the rule finds, put end to end, with the way back to every sample', async () => {
    await fc.assert(
      fc.asyncProperty(runs, fc.integer({ min: 100, max: 50_000 }), async (list, blockLength) => {
        const all = recording(...list);
        const { samples, times } = await onlySpeech(all, {}, blockLength);
        const spans = expected(all);
        const wanted = concatenate(spans.map(({ start, end }) => all.slice(start, end)));
        expect(Buffer.from(samples.buffer).equals(Buffer.from(wanted.buffer))).toBe(true);
        for (const i of [0, 1, Math.floor(samples.length / 2), samples.length - 1].filter((i) => i in samples))
          expect(Math.round(times.original(i / 16_000) * 16_000)).toBe(placeOf(samples[i]!));
      }),
      { numRuns: 60 },
    );
  });

  test('of silence is nothing', async () => {
    for (const seconds of [0, 1 / 16_000, 0.032, 1.024, 10]) {
      const { samples, times } = await onlySpeech(recording([seconds, false]));
      expect(samples.length).toBe(0);
      expect(times.spans).toEqual([]);
    }
  });

  test('comes while it is spoken, not when it ends', async () => {
    let nAsked = 0;
    async function* endless() {
      for (;;) {
        nAsked++;
        yield recording([1.024, true]);
      }
    }
    for await (const block of speechOnly(endless(), model).samples) if (block.length > 0) break;
    expect(nAsked).toBeLessThan(4);
  });

  test('holds but a few seconds, whatever the length', async () => {
    const minute = recording([20, true], [40, false]);
    async function* hour() {
      for (let i = 0; i < 60; i++) yield* blocks(minute.slice(), 16_000);
    }
    const before = process.memoryUsage().arrayBuffers;
    let [nSamples, peakBytes] = [0, 0];
    for await (const block of speechOnly(hour(), model).samples) {
      nSamples += block.length;
      peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers - before);
    }
    expect(nSamples / 16_000 / 60).toBeCloseTo(20.8, 1);
    expect(peakBytes).toBeLessThan(100e6); // garbage included; the hour is 230 MB
  });
});

describe('chunks', () => {
  test('are at most 30 s, in order, hold all speech, and know where every sample comes from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.double({ min: 0.05, max: 40, noNaN: true }), fc.boolean()), { maxLength: 8 }),
        async (list) => {
          const all = recording(...list);
          const heard = new Set<number>();
          let last = -1;
          for (const { samples, times } of await chunksOf(all)) {
            expect(samples.length).toBeGreaterThan(0);
            expect(samples.length).toBeLessThanOrEqual(480_000);
            const [first, end] = [placeOf(samples[0]!), placeOf(samples.at(-1)!)];
            expect(first).toBeGreaterThan(last);
            last = end;
            for (let i = 0; i < samples.length; i += 997)
              expect(Math.round(times.original(i / 16_000) * 16_000)).toBe(placeOf(samples[i]!));
            for (const { startSeconds, endSeconds } of times.spans)
              for (let window = Math.ceil(startSeconds * 31.25); window < endSeconds * 31.25 - 1; window++)
                heard.add(window);
          }
          // A hard cut in the middle of speech loses nothing; only windows at edges may be halves.
          const windows = Array.from({ length: Math.floor(all.length / 512) }, (_, i) => i);
          const spoken = windows.filter((i) => all.subarray(i * 512, (i + 1) * 512).some((x) => x > 0));
          const edges = spoken.filter((i) => !heard.has(i));
          expect(edges.length).toBeLessThanOrEqual(2 * list.length + 2 * Math.ceil(all.length / 400_000));
        },
      ),
      { numRuns: 25 },
    );
  });

  test('keep pauses of up to 2 s and lose longer ones', async () => {
    const [chunk, ...more] = await chunksOf(
      recording([5, true], [1.9, false], [5, true], [6, false], [5, true], [3, false]),
    );
    expect(more).toEqual([]);
    const spans = chunk!.times.spans.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]);
    expect(spans).toEqual([
      [0, expect.closeTo(12.3, 1)],
      [expect.closeTo(17.5, 1), expect.closeTo(23.3, 1)],
    ]);
  });

  test('are cut at pauses, as late as 30 s allow where all are alike', async () => {
    const sentence = [
      [6, true],
      [0.5, false],
    ] as const;
    const chunks = await chunksOf(recording(...Array.from({ length: 9 }, () => sentence).flat()));
    expect(chunks.map(({ samples }) => Math.round(samples.length / 16_000))).toEqual([26, 26, 7]);
  });

  test('are cut at the longest pause of their last third', async () => {
    const said = (pause: number) =>
      [
        [4.5, true],
        [pause, false],
      ] as const;
    const pauses = [0.9, 0.3, 0.3, 0.3, 0.7, 0.3, 0.3, 0.3];
    const chunks = await chunksOf(recording(...pauses.flatMap(said)));
    // Not at 0.9 s of silence after 4.5 s, but at 0.7 s after 24.
    expect(chunks.map(({ samples }) => Math.round(samples.length / 16_000))).toEqual([25, 15]);
  });

  test('of silence are none, and hours of it cost no memory', async () => {
    const minute = recording([1, true], [59, false]);
    async function* hour() {
      for (let i = 0; i < 60; i++) yield* blocks(minute.slice(), 16_000);
    }
    const before = process.memoryUsage().arrayBuffers;
    let [nSeconds, peakBytes] = [0, 0];
    for await (const { samples } of speechChunks(hour(), model)) {
      nSeconds += samples.length / 16_000;
      peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers - before);
    }
    expect(nSeconds / 60).toBeCloseTo(1.8, 1);
    expect(peakBytes).toBeLessThan(100e6);
    expect(await chunksOf(recording([100, false]))).toEqual([]);
  });

  test('may be shorter, even than what is said without a pause', async () => {
    const chunks = await chunksOf(recording([20, true]), { maxChunkSeconds: 6 });
    for (const { samples } of chunks) expect(samples.length).toBeLessThanOrEqual(96_000);
    expect(chunks.reduce((sum, { samples }) => sum + samples.length, 0)).toBe(320_000);
  });
});
