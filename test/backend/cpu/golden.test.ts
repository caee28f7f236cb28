import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, EncodedAudio } from '../../../src/backend/backend.ts';
import { prepareCpu } from '../../../src/convert/prepare-cpu.ts';
import { generate } from '../../../src/decoding/generate.ts';
import { searchHypotheses } from '../../../src/decoding/hypothesis-search.ts';
import { logitFilters } from '../../../src/decoding/logit-filters.ts';
import type { DecodingOptions } from '../../../src/decoding/options.ts';
import { type DecodingRules, decodingRules } from '../../../src/decoding/rules.ts';
import { scoredHypothesis } from '../../../src/decoding/score-sequence.ts';
import { logSumExp } from '../../../src/logits/log-softmax.ts';
import { rowsOf } from '../../../src/logits/rows.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { specialTokens } from '../../../src/model/special-tokens.ts';
import { append, greedyAlone } from '../../support/append.ts';
import { built } from '../../support/build-dist.ts';
import { cosine, expectClose } from '../../support/compare.ts';
import { models } from '../../support/models.ts';
import { readNpy, shared } from '../../support/shared.ts';

type CpuBackend = typeof import('../../../src/backend/cpu/cpu-backend.ts');

const promptLength = 4;

const searchOptions: DecodingOptions = {
  task: 'transcribe',
  timestamps: true,
  temperature: 0,
  beamSize: 1,
  bestOf: 1,
  patience: 1,
  previous: [],
  prefix: [],
  suppress: [],
  logprobThreshold: -1,
  maxInitialTimestampSeconds: 1,
  random: Math.random,
};

/** The figures of openai/whisper and transformers for whisper-base, and their tolerances: see golden/README.md. */
describe.skipIf(shared === undefined || models.base === undefined)('whisper-base on the CPU', () => {
  const golden = (file: string) => join(shared ?? '', 'golden', 'whisper-base', file);
  const array = (file: string) => readNpy(golden(file)).data as Float32Array<ArrayBuffer>;
  const sequence = (clip: string): number[] =>
    JSON.parse(readFileSync(golden(`${clip}.generate.json`), 'utf8')).sequence;

  let root: string;
  let backend: Backend;
  let rules: DecodingRules;
  beforeAll(async () => {
    const { openCpuBackend } = (await import(built('backend/cpu/cpu-backend.js'))) as CpuBackend;
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-golden-'));
    const checkpoint = await openCheckpoint(models.base ?? '');
    const { dimensions, generation } = checkpoint;
    rules = decodingRules(specialTokens(dimensions.nVocab), generation);
    backend = await openCpuBackend({
      directory: await prepareCpu(checkpoint, { store: root, model: 'whisper-base' }),
      dimensions,
      threads: 2,
    });
  });
  afterAll(async () => {
    await backend[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });

  function expectLikeReference(actual: Float32Array, expected: Float32Array, tolerance: number): void {
    expectClose(actual, expected, tolerance);
    expect(cosine(actual, expected)).toBeGreaterThanOrEqual(0.999999);
  }

  test('encodes as the reference does', async () => {
    await using audio = await backend.encode([array('jfk.log_mel.npy')]);
    expectLikeReference(await audio.encoderOutput(), array('jfk.encoder.npy'), 2e-3);
  });

  describe.each(['jfk', 'espeak-en-16k'])('%s', (clip) => {
    let audio: EncodedAudio;
    beforeAll(async () => {
      audio = await backend.encode([array(`${clip}.log_mel.npy`)]);
    });
    afterAll(() => audio[Symbol.asyncDispose]());

    test("gives the reference's logits for the prompt, whole or token by token, and for each step", async () => {
      const { nVocab } = backend.dimensions;
      const tokens = sequence(clip);
      const rows = (file: string) => {
        const values = array(file);
        return Array.from({ length: values.length / nVocab }, (_, i) => values.subarray(i * nVocab, (i + 1) * nVocab));
      };
      const prefill = rows(`${clip}.prefill_logits.npy`);
      const steps = rows(`${clip}.logits.npy`);
      {
        await using run = await audio.startDecoder();
        for (const [i, expected] of prefill.entries())
          expectLikeReference(await append(run, tokens.slice(i, i + 1)), expected, 1e-2);
      }
      await using run = await audio.startDecoder();
      const last = await append(run, tokens.slice(0, promptLength));
      expectLikeReference(last, prefill[promptLength - 1]!, 1e-2);
      expectLikeReference(last, steps[0]!, 1e-2);
      for (const [i, expected] of steps.slice(1).entries())
        expectLikeReference(await append(run, [tokens[promptLength + i]!]), expected, 1e-2);
    });

    test('is never further from the exact log-probabilities than it says, where tokens were screened', async () => {
      const { nVocab } = backend.dimensions;
      const prompt = sequence(clip).slice(0, promptLength);
      const { beginSuppress, suppress, special } = rules;
      await using greedyRun = await audio.startDecoder();
      const { tokens, logprobs, logprobErrors } = await greedyAlone(greedyRun, {
        prompts: [prompt],
        beginSuppress,
        suppress,
        stopToken: special.eot,
        maxTokens: 100,
      });
      await using run = await audio.startDecoder();
      const step = { tokens: [[...prompt, ...tokens.slice(0, -1)]], logitsFrom: promptLength - 1 };
      const [rows = []] = rowsOf((await run.forward(step)).logits, nVocab, 1);
      for (const [i, row] of rows.entries()) {
        const mask = i === 0 ? beginSuppress : suppress;
        const allowed = row.map((logit, token) => logit + mask[token]!);
        const exact = allowed[tokens[i]!]! - logSumExp(allowed);
        expect(Math.abs(logprobs[i]! - exact)).toBeLessThanOrEqual(logprobErrors[i]! + 1e-4);
      }
      const meanError = logprobErrors.reduce((sum, error) => sum + error, 0) / tokens.length;
      expect(meanError).toBeLessThan(0.5); // it would be of no use if every text had to be scored again
    });

    test.each([
      ['beams', { beamSize: 5 }],
      ['a search without beams, as in batches', { beamSize: 1 }],
    ])('ranks sequences of %s by exact log-probabilities', async (_, { beamSize }) => {
      const { nVocab } = backend.dimensions;
      const prompt = sequence(clip).slice(0, promptLength - 1); // without <|notimestamps|>
      const options: DecodingOptions = { ...searchOptions, beamSize };
      await using run = await audio.startDecoder();
      const { logits } = await run.forward({ tokens: [prompt] });
      const beginning = { rules, options, logits: [logits], maxTokens: 100 };
      const [{ tokens, sumLogprob } = { tokens: [], sumLogprob: 0 }] = await searchHypotheses(
        run,
        beginning,
        undefined,
      );
      const place = { audio, prompt, filters: logitFilters(rules, options), eot: rules.special.eot, nVocab };
      const unknown = [...tokens, rules.special.eot].map(() => Number.POSITIVE_INFINITY);
      const text = { tokens: [...tokens, rules.special.eot], logprobs: [0], logprobErrors: unknown };
      const exact = await scoredHypothesis(text, 0, place, undefined);
      expect(exact.tokens).toEqual(tokens);
      expectClose([sumLogprob], [exact.sumLogprob], 2e-3);
    });

    test.each([{ language: 'en' }, {}])("gives transformers' tokens, asked with %o", async (options) => {
      const { tokens, language, complete } = await generate(audio, rules, { ...options, task: 'transcribe' });
      expect([...tokens, rules.special.eot]).toEqual(sequence(clip).slice(promptLength));
      expect({ language, complete }).toEqual({ language: 'en', complete: true });
    });
  });
});
