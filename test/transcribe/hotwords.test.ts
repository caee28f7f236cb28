import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';

type Library = typeof import('../../src/index.ts');
const { loadModel, openRecording, transcribe } = (await import(built('index.js'))) as Library;

/** Made with espeak-ng: Yesterday we installed Kunpeng servers in Guiyang, and Ascend accelerators from Huawei. */
const withNames = 'test/fixtures/espeak-names.opus';
const withoutNames = 'samples/espeak-en-16k.wav';
const hotwords = ['Kunpeng', 'Guiyang', 'Ascend', 'Siobhan Kaczmarek', 'Kubernetes'];

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
