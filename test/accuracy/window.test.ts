import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { liveReference } from '../../src/accuracy/reference.ts';
import { compareWindow, type ReferenceWindow, type WindowComparison } from '../../src/accuracy/window.ts';
import { openAudio } from '../../src/audio/open-audio.ts';
import { storeDirectory } from '../../src/model/store.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { readNpy, shared } from '../support/shared.ts';

type OpenModel = typeof import('../../src/setup/open-model.ts');

/** Softmax as the textbook has it, in the numbers that JavaScript has. */
function probabilities(logits: ArrayLike<number>): number[] {
  const all = Array.from(logits);
  const highest = all.reduce((a, b) => (b > a ? b : a));
  const weights = all.map((logit) => Math.exp(logit - highest));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** jfk.wav with transformers' logits and openai/whisper's encoder output as the reference: see golden/README.md. */
describe.skipIf(shared === undefined || models.base === undefined)('whisper-base on jfk.wav', () => {
  const golden = (file: string) => join(shared ?? '', 'golden', 'whisper-base', file);
  let model: LoadedModel;
  let samples: Float32Array;
  let reference: ReferenceWindow;
  let comparison: WindowComparison;
  /** What the model says at each position. */
  let own: Float32Array[];
  beforeAll(async () => {
    const { openModel } = (await import(built('setup/open-model.js'))) as OpenModel;
    const { env } = process;
    model = await openModel({
      model: models.base ?? '',
      device: { kind: 'cpu' },
      dtype: 'float32',
      threads: 2,
      context: { storeDirectory: storeDirectory(env), env },
    });
    const blocks: Float32Array[] = [];
    for await (const block of (await openAudio(join(shared ?? '', 'audio', 'jfk.wav'))).samples) blocks.push(block);
    samples = Float32Array.from(blocks.flatMap((block) => [...block]));
    const { sequence } = JSON.parse(readFileSync(golden('jfk.generate.json'), 'utf8')) as { sequence: number[] };
    const { data, shape } = readNpy(golden('jfk.logits.npy'));
    const [count = 0, nVocab = 0] = shape;
    const rows = (values: Float32Array) =>
      Array.from({ length: count }, (_, i) => values.slice(i * nVocab, (i + 1) * nVocab));
    reference = {
      language: 'en',
      prompt: sequence.slice(0, 4),
      tokens: sequence.slice(4, 4 + count),
      text: model.tokenizer.decode(sequence.slice(4, 4 + count)),
      logits: rows(data),
      encoderOutput: readNpy(golden('jfk.encoder.npy')).data,
    };
    comparison = await compareWindow(model, samples, reference, {});
    const { logMelSpectrogram } = await import('../../src/features/log-mel.ts');
    await using audio = await model.backend.encode([logMelSpectrogram(samples, 80)]);
    await using run = await audio.startDecoder();
    own = [(await run.forward({ tokens: [reference.prompt] })).logits];
    for (const token of reference.tokens.slice(0, -1)) own.push((await run.forward({ tokens: [[token]] })).logits);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  test('every figure of every position is what plain formulas give', () => {
    expect(comparison.positions).toHaveLength(8);
    for (const [i, position] of comparison.positions.entries()) {
      const [a, b] = [Array.from(reference.logits[i]!), Array.from(own[i]!)];
      const [p, q] = [probabilities(a), probabilities(b)];
      const differences = p.map((value, token) => Math.abs(value - q[token]!));
      const largest = differences.reduce((x, y) => Math.max(x, y));
      expect(position.token).toBe(reference.tokens[i]);
      expect(position.maxProbabilityDifferencePercent / 100).toBeCloseTo(largest, 14);
      expect(position.maxProbabilityDifferencePercent).toBeGreaterThan(0);
      const cosine =
        sum(a.map((x, token) => x * b[token]!)) / Math.sqrt(sum(a.map((x) => x * x)) * sum(b.map((x) => x * x)));
      expect(position.cosine).toBeCloseTo(cosine, 12);
      expect(position.klDivergence).toBeCloseTo(sum(p.map((x, token) => x * Math.log(x / q[token]!))), 13);
      expect(position).toMatchObject({ sameTop1: true, rank: 1 });
    }
  });

  test('it is as close to the reference as it is known to be', () => {
    for (const { maxProbabilityDifferencePercent, cosine, klDivergence } of comparison.positions) {
      expect(maxProbabilityDifferencePercent).toBeLessThan(0.01);
      expect(cosine).toBeGreaterThan(0.99999999);
      expect(klDivergence).toBeLessThan(1e-8);
    }
    expect(comparison.encoder?.maxAbs).toBeLessThan(2e-3);
    expect(comparison.encoder?.cosine).toBeGreaterThan(0.999999);
  });

  test('the text it writes freely is there beside the reference’s', () => {
    expect(comparison.tested.text.trim()).toMatch(/^And so my fellow Americans/);
    expect(comparison.tested.tokens.slice(0, 8)).toEqual(reference.tokens);
    expect(comparison.tested.tokens.at(-1)).toBe(50257);
  });

  test('the very model as its own reference differs in nothing', async () => {
    const live = liveReference(model);
    const clip = { file: 'jfk.wav', sha256: '', window: 0, samples };
    const { positions, encoder, ...texts } = await compareWindow(model, samples, await live.window(clip, {}), {});
    expect(positions).toHaveLength(26);
    for (const position of positions)
      expect(position).toMatchObject({ maxProbabilityDifferencePercent: 0, cosine: 1, klDivergence: 0, rank: 1 });
    expect(encoder).toEqual({ maxAbs: 0, cosine: 1, relative: 0 });
    expect(texts.tested.tokens).toEqual(texts.reference.tokens);
  });
});
