import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSpeechDetector, type SpeechOptions } from '../../src/vad/speech-detector.ts';
import type { SampleSpan } from '../../src/vad/speech-rule.ts';
import { speechTimestamps } from './reference-speech.ts';

const defaults = {
  threshold: 0.5,
  negThreshold: 0.35,
  minSpeechMs: 0,
  maxSpeechSeconds: Number.POSITIVE_INFINITY,
  minSilenceMs: 2000,
  speechPadMs: 400,
};
const batched = { ...defaults, maxSpeechSeconds: 30, minSilenceMs: 160 };

function detect(probabilities: readonly number[], nSamples: number, options: SpeechOptions): SampleSpan[] {
  const detector = createSpeechDetector(options);
  const spans = [...probabilities.flatMap((probability) => detector.push(probability)), ...detector.finish(nSamples)];
  return spans.map(({ start, end }) => ({ start, end }));
}

/** Windows in runs, as speech comes: a level and how long it lasts. */
const level = fc.oneof(
  fc.constantFrom(0, 0.01, 0.34, 0.35, 0.4, 0.5, 0.9, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
);
const run = fc.tuple(level, fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 120 })));
/** Talk with short pauses, some of which are worth splitting it at. */
const talk = fc.array(fc.tuple(fc.constantFrom(0, 1), fc.integer({ min: 1, max: 8 })), { maxLength: 40 });
const probabilities = fc
  .oneof(fc.array(run, { maxLength: 40 }), talk)
  .map((runs) => runs.flatMap(([value, length]) => Array<number>(length).fill(value)));
const options = fc.oneof(
  fc.constantFrom(defaults, batched),
  fc.record({
    threshold: fc.constantFrom(0.3, 0.5, 0.8),
    negThreshold: fc.constantFrom(0.01, 0.2, 0.3),
    minSpeechMs: fc.constantFrom(0, 20, 250, 1000),
    maxSpeechSeconds: fc.constantFrom(1, 5, 30, Number.POSITIVE_INFINITY),
    minSilenceMs: fc.constantFrom(0, 10, 100, 160, 500, 2000),
    speechPadMs: fc.constantFrom(0, 10, 30, 400),
  }),
);
const lastWindow = fc.integer({ min: 0, max: 511 });

describe('seeing one probability after the other', () => {
  test('finds what the rule finds in all of them at once', () => {
    fc.assert(
      fc.property(probabilities, options, lastWindow, (values, rules, missing) => {
        const nSamples = Math.max(0, values.length * 512 - missing);
        expect(detect(values, nSamples, rules)).toEqual(speechTimestamps(values, nSamples, rules));
      }),
      { numRuns: 3000 },
    );
  });

  test('what it says to be certain comes true', () => {
    fc.assert(
      fc.property(probabilities, options, lastWindow, (values, rules, missing) => {
        const nSamples = Math.max(0, values.length * 512 - missing);
        const all = detect(values, nSamples, rules);
        const detector = createSpeechDetector(rules);
        let nKnown = 0;
        for (const value of values) {
          nKnown += detector.push(value).length;
          const next = all[nKnown];
          if (next !== undefined) expect(detector.earliest).toBeLessThanOrEqual(next.start);
          const { open } = detector;
          if (open === undefined) continue;
          expect(next?.start).toBe(open.start);
          expect(next?.end).toBeGreaterThanOrEqual(Math.min(open.end, nSamples));
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('stretches are in order, apart, inside the recording and no longer than allowed', () => {
    fc.assert(
      fc.property(probabilities, options, lastWindow, (values, rules, missing) => {
        const nSamples = Math.max(0, values.length * 512 - missing);
        let last = 0;
        for (const { start, end } of detect(values, nSamples, rules)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(end - start).toBeLessThanOrEqual(rules.maxSpeechSeconds * 16_000);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(nSamples);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('the rule in plain cases', () => {
  const windows = (...runs: [number, number][]) => runs.flatMap(([value, n]) => Array<number>(n).fill(value));

  test('silence holds none', () => {
    expect(detect(windows([0.1, 500]), 500 * 512, defaults)).toEqual([]);
    expect(detect([], 0, defaults)).toEqual([]);
  });

  test('speech is padded by 0.4 s, inside the recording', () => {
    expect(detect(windows([0, 100], [1, 50], [0, 200]), 350 * 512, {})).toEqual([
      { start: 100 * 512 - 6400, end: 150 * 512 + 6400 },
    ]);
    expect(detect(windows([1, 50]), 50 * 512 - 100, {})).toEqual([{ start: 0, end: 50 * 512 - 100 }]);
  });

  test('the silence before it is told without the padding', () => {
    const detector = createSpeechDetector();
    const spans = windows([0, 100], [1, 50], [0, 200], [1, 20]).flatMap((value) => detector.push(value));
    expect([...spans, ...detector.finish(370 * 512)].map(({ silenceBefore }) => silenceBefore / 512)).toEqual([
      100, 200,
    ]);
  });

  test('2 s of silence part it, less do not', () => {
    const gap = (n: number) => detect(windows([1, 50], [0, n], [1, 50]), (100 + n) * 512, {});
    expect(gap(62)).toHaveLength(1);
    expect(gap(64)).toHaveLength(2);
  });

  test('30 s of speech without end are split at the last pause', () => {
    const talk = windows([1, 400], [0, 5], [1, 400], [0, 5], [1, 400]);
    const spans = detect(talk, talk.length * 512, { maxSpeechSeconds: 30 });
    expect(spans).toEqual([
      { start: 0, end: 807.5 * 512 },
      { start: 807.5 * 512, end: talk.length * 512 },
    ]);
  });
});
