import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, EncodedAudio } from '../../../src/backend/backend.ts';
import { prepareCpu } from '../../../src/convert/prepare-cpu.ts';
import { generate } from '../../../src/decoding/generate.ts';
import { type DecodingRules, decodingRules } from '../../../src/decoding/rules.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { specialTokens } from '../../../src/model/special-tokens.ts';
import { append } from '../../support/append.ts';
import { built } from '../../support/build-dist.ts';
import { cosine, expectClose } from '../../support/compare.ts';
import { models } from '../../support/models.ts';
import { readNpy, shared } from '../../support/shared.ts';

type CpuBackend = typeof import('../../../src/backend/cpu/cpu-backend.ts');

const promptLength = 4;

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

    test.each([{ language: 'en' }, {}])("gives transformers' tokens, asked with %o", async (options) => {
      const { tokens, language, complete } = await generate(audio, rules, { ...options, task: 'transcribe' });
      expect([...tokens, rules.special.eot]).toEqual(sequence(clip).slice(promptLength));
      expect({ language, complete }).toEqual({ language: 'en', complete: true });
    });
  });
});
