import { describe, expect, test } from 'vitest';
import type { Backend, GreedyRequest, StepBatch } from '../../src/backend/backend.ts';
import { benchRequest, type MeasurePlan, measureRuns } from '../../src/bench/measure.ts';
import { decodingRules } from '../../src/decoding/rules.ts';
import type { SpecialTokens } from '../../src/model/special-tokens.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';

const special: SpecialTokens = specialTokens(51865);
const rules = decodingRules(special, { suppressTokens: [7], beginSuppressTokens: [8], maxLength: 448 } as never);
const request: GreedyRequest = {
  prompts: [[1]],
  beginSuppress: new Float32Array(1),
  suppress: new Float32Array(1),
  stopToken: 9,
  maxTokens: 5,
  timed: true,
};

/** A model that writes `tokens` and claims to have taken the batches' time; remembers what it was asked for. */
function scriptedModel(tokens: readonly number[], batches: readonly StepBatch[]) {
  const asked: GreedyRequest[] = [];
  const done = async () => undefined;
  const backend = {
    device: 'scripted',
    dimensions: { nMels: 80 },
    encode: async () => ({
      startDecoder: async () => ({
        async greedy(given: GreedyRequest) {
          asked.push(given);
          const kept = tokens.slice(0, given.maxTokens);
          return { sequences: [{ tokens: kept, logprobs: kept.map(() => 0) }], ...(given.timed ? { batches } : {}) };
        },
        [Symbol.asyncDispose]: done,
      }),
      [Symbol.asyncDispose]: done,
    }),
  } as unknown as Backend;
  const tokenizer = { decode: (ids: readonly number[]) => ids.join(' ') };
  return { model: { name: 'scripted', backend, tokenizer, rules } as unknown as LoadedModel, asked };
}

const plan = (model: LoadedModel, changes: Partial<MeasurePlan> = {}): MeasurePlan => ({
  model,
  samples: new Float32Array(16_000),
  request,
  runs: 2,
  warmupRuns: 1,
  signal: new AbortController().signal,
  ...changes,
});

describe('measureRuns', () => {
  test('takes prefill and tokens from batches of one step as they are', async () => {
    const batches = [30, 11, 12].map((elapsedMs) => ({ steps: 1, elapsedMs }));
    const { model, asked } = scriptedModel([4, 5, 9], batches);
    const runs = await measureRuns(plan(model));
    expect(runs).toHaveLength(2);
    expect(asked).toHaveLength(3); // one to warm up
    expect(runs[0]).toMatchObject({
      prefillMs: [30],
      tokens: [
        { position: 1, elapsedMs: 11 },
        { position: 2, elapsedMs: 12 },
      ],
      tokenIds: [4, 5, 9],
      text: '4 5',
    });
  });

  test('divides longer batches among their steps and times the prefill apart, not as part of the whole', async () => {
    const { model, asked } = scriptedModel(
      [4, 5, 6, 9],
      [
        { steps: 3, elapsedMs: 50 },
        { steps: 2, elapsedMs: 24 },
      ],
    );
    const [run] = await measureRuns(plan(model, { runs: 1, warmupRuns: 0 }));
    expect(run?.tokens).toEqual([
      { position: 3, elapsedMs: 12 },
      { position: 4, elapsedMs: 12 },
    ]);
    expect(asked.map(({ maxTokens }) => maxTokens)).toEqual([5, 1]);
    expect(run?.prefillMs[0]).not.toBe(50);
  });

  test('the stages of a run make up its whole', async () => {
    const { model } = scriptedModel([4, 9], [{ steps: 1, elapsedMs: 1 }]);
    const [run] = await measureRuns(plan(model));
    const { featuresMs = [], encoderMs = [], decodeMs = 0, endToEndMs = 0 } = run ?? {};
    const sum = (featuresMs[0] ?? 0) + (encoderMs[0] ?? 0) + decodeMs;
    expect(sum).toBeLessThanOrEqual(endToEndMs);
    expect(featuresMs[0]).toBeGreaterThan(0);
  });

  test('goes through windows of 30 s and adds them up', async () => {
    const { model } = scriptedModel([4, 9], [{ steps: 1, elapsedMs: 1 }]);
    const [run] = await measureRuns(plan(model, { samples: new Float32Array(31 * 16_000), runs: 1, warmupRuns: 0 }));
    expect(run).toMatchObject({ tokenIds: [4, 9, 4, 9], text: '44' });
    expect(run?.encoderMs).toHaveLength(2);
  });

  test('gives what was finished when it is aborted', async () => {
    const { model } = scriptedModel([9], [{ steps: 1, elapsedMs: 1 }]);
    const aborter = new AbortController();
    const afterRun = (done: number) => {
      if (done === 3) aborter.abort();
    };
    const runs = await measureRuns(plan(model, { runs: 20, signal: aborter.signal, afterRun }));
    expect(runs).toHaveLength(3);
  });

  test('fails with what fails', async () => {
    const { model } = scriptedModel([9], []);
    const afterRun = () => Promise.reject(new Error('device lost'));
    await expect(measureRuns(plan(model, { afterRun }))).rejects.toThrow('device lost');
  });
});

describe('benchRequest', () => {
  test('asks for what transcribe does, timed', () => {
    const { prompts, stopToken, maxTokens, suppress, timed } = benchRequest(rules, 448, 'en');
    expect(prompts).toEqual([[50258, 50259, 50359, 50363]]);
    expect({ stopToken, maxTokens, timed }).toEqual({ stopToken: special.eot, maxTokens: 444, timed: true });
    expect(suppress).toBe(rules.suppress);
  });

  test('asked for a number of tokens, never lets the model end', () => {
    const { stopToken, maxTokens, suppress, beginSuppress } = benchRequest(rules, 448, 'en', 64);
    expect({ stopToken, maxTokens }).toEqual({ stopToken: -1, maxTokens: 64 });
    for (const mask of [suppress, beginSuppress]) {
      expect(mask[special.eot]).toBe(Number.NEGATIVE_INFINITY);
      expect(mask[7]).toBe(Number.NEGATIVE_INFINITY);
    }
    expect(rules.suppress[special.eot]).toBe(0); // transcribing goes on as before
  });

  test('knows how much the model has room for', () => {
    expect(benchRequest(rules, 448, 'en', 445).maxTokens).toBe(445);
    expect(() => benchRequest(rules, 448, 'en', 446)).toThrow('room for 445 tokens');
  });
});
