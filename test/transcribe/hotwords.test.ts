import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fallbackDecoder } from '../../src/transcribe/fallback.ts';
import { hotwordsOf } from '../../src/transcribe/hotwords.ts';
import { resolveOptions, type TranscribeOptions } from '../../src/transcribe/options.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { type Script, scriptedModel } from './scripted-model.ts';

type Library = typeof import('../../src/index.ts');
const { loadModel, openRecording, transcribe } = (await import(built('index.js'))) as Library;

/** Made with espeak-ng: Yesterday we installed Kunpeng servers in Guiyang, and Ascend accelerators from Huawei. */
const withNames = 'test/fixtures/espeak-names.opus';
const withoutNames = 'samples/espeak-en-16k.wav';
const hotwords = ['Kunpeng', 'Guiyang', 'Ascend', 'Siobhan Kaczmarek', 'Kubernetes'];

describe('a window that is told hotwords', () => {
  /** Behind a prompt the model is certain of token 7. @returns the text that stands */
  async function standing(script: Script, hotwords: readonly string[]): Promise<string | undefined> {
    const { model } = scriptedModel(() => ({ ...script, prompted: [7] }));
    const options = resolveOptions({ hotwords, temperatures: [0] });
    const audio = await model.backend.encode([new Float32Array(80)]);
    const [result] = await fallbackDecoder(model, options).decode(audio, ['en'], { timestamps: false, previous: [] });
    return result?.text;
  }
  /** The logit of a token that is as likely as all others together. */
  const asLikelyAsNot = -50 + Math.log(51865);

  test('has the text with them where it spells more of them and is likelier', async () => {
    expect(await standing({ tokens: [5], logit: asLikelyAsNot }, ['t7'])).toBe('t7');
  });

  test('keeps its own text where that is as likely, or where the other spells no more of them', async () => {
    expect(await standing({ tokens: [5] }, ['t7'])).toBe('t5');
    expect(await standing({ tokens: [5], logit: asLikelyAsNot }, ['t9'])).toBe('t5');
  });

  test('is told as much of the end of the text before it as there is room for behind them', () => {
    const { model } = scriptedModel(() => ({ tokens: [] }));
    const previous = Array.from({ length: 300 }, (_, i) => 1000 + i);
    const prompt = hotwordsOf(model, ['t7'])?.promptWith(previous) ?? [];
    const told = [...Buffer.from(' t7.')];
    expect(prompt).toHaveLength(223);
    expect(prompt).toEqual([...told, ...previous.slice(300 - 223 + told.length)]);
  });
});

describe.skipIf(models.base === undefined)('hotwords', () => {
  let model: Awaited<ReturnType<typeof loadModel>>;
  beforeAll(async () => {
    model = await loadModel({ model: models.base ?? '', device: 'cpu', threads: 2 });
  });
  afterAll(() => model?.[Symbol.asyncDispose]());

  async function textOf(path: string, options: TranscribeOptions): Promise<string> {
    const recording = await openRecording(path);
    let text = '';
    for await (const segment of transcribe(model, recording, options)) text += segment.text;
    await recording[Symbol.asyncDispose]();
    return text;
  }

  test('are spelt as they are given where they are said, and those that are not said are not heard', async () => {
    expect(await textOf(withNames, {})).not.toMatch(/Kunpeng|Guiyang|Ascend/);
    const named = await textOf(withNames, { hotwords });
    expect(named).toMatch(/Kunpeng servers in Guiyang, and Ascend/);
    expect(named).not.toMatch(/Siobhan|Kubernetes/);
  });

  test.each([false, true])('change nothing where none of them is said, with times: %s', async (timestamps) => {
    const text = await textOf(withoutNames, { timestamps });
    expect(await textOf(withoutNames, { timestamps, hotwords })).toBe(text);
  });
});
