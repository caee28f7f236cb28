import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clip, Reference } from '../../src/accuracy/reference.ts';
import { createReferenceFile, openStoredReference } from '../../src/accuracy/stored-reference.ts';
import type { ReferenceWindow } from '../../src/accuracy/window.ts';
import { UsageError } from '../../src/errors.ts';
import { damageNames, damages, randomIntegers } from '../support/damage.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-reference-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const live: Reference = {
  model: 'whisper-base',
  device: 'CPU, 2 threads',
  nVocab: 3,
  window: () => Promise.reject(new Error('not asked')),
  async [Symbol.asyncDispose]() {},
};
const clip = (sha256: string, window: number): Clip => ({
  file: `${sha256}.wav`,
  sha256,
  window,
  samples: new Float32Array(),
});
const values = (...numbers: number[]) => Float32Array.from(numbers);
const windowSaying = (text: string): ReferenceWindow => ({
  language: 'en',
  prompt: [1, 2],
  tokens: [0, 2],
  text,
  logits: [values(0.1, -1e-30, 3e38), values(-0, Number.NEGATIVE_INFINITY, 1 / 3)],
  encoderOutput: values(Math.PI, 2),
});

async function write(name: string): Promise<string> {
  const path = join(folder, name);
  await using writer = await createReferenceFile(path, live);
  await writer.add(clip('aa', 0), windowSaying(' grüße'));
  await writer.add(clip('aa', 1), windowSaying(' two\n'));
  await writer.add(clip('bb', 0), windowSaying(' 三'));
  await writer.finish();
  return path;
}

describe('a reference file', () => {
  test('gives every window back to the last bit, in any order', async () => {
    const reference = await openStoredReference(await write('a.json'));
    expect(reference).toMatchObject({ model: 'whisper-base', device: 'CPU, 2 threads, kept in a.json', nVocab: 3 });
    expect(await reference.window(clip('bb', 0), {})).toEqual(windowSaying(' 三'));
    expect(await reference.window(clip('aa', 1), {})).toEqual(windowSaying(' two\n'));
    expect(await reference.window(clip('aa', 0), {})).toEqual(windowSaying(' grüße'));
  });

  test.each<[string, (window: Record<string, unknown>) => void]>([
    ['no tokens', (window) => Object.assign(window, { tokens: [], logits: [] })],
    ['a token beyond the vocabulary', (window) => Object.assign(window, { tokens: [0, 3] })],
    ['a prompt that is none', (window) => Object.assign(window, { prompt: 'x' })],
    ['logits of fewer tokens', (window) => Object.assign(window, { logits: (window['logits'] as string[]).slice(1) })],
    ['logits cut short', (window) => Object.assign(window, { logits: ['AAAA', 'AAAA'] })],
    ['no encoder output', (window) => Object.assign(window, { encoderOutput: '' })],
    ['no text', (window) => Object.assign(window, { text: undefined })],
    ['a language that is none', (window) => Object.assign(window, { language: 5 })],
  ])('with %s is refused', async (_, damage) => {
    const path = await write('damaged.json');
    const lines = readFileSync(path, 'utf8').split('\n');
    const window = JSON.parse(lines[1] ?? '') as Record<string, unknown>;
    damage(window);
    writeFileSync(path, [lines[0], JSON.stringify(window), ...lines.slice(2)].join('\n'));
    const reference = await openStoredReference(path);
    await expect(reference.window(clip('aa', 0), {})).rejects.toMatchObject({ code: 'REFERENCE_UNREADABLE' });
    expect((await reference.window(clip('bb', 0), {})).text).toBe(' 三');
  });

  test('does not take the place of a file that is no reference', async () => {
    const path = join(folder, 'recording.wav');
    writeFileSync(path, 'RIFF');
    await expect(createReferenceFile(path, live)).rejects.toMatchObject({ code: 'REFERENCE_OVER_OTHER' });
    expect(readFileSync(path, 'utf8')).toBe('RIFF');
  });

  test('knows recordings by what is in them, and says which it knows', async () => {
    const reference = await openStoredReference(await write('b.json'));
    const renamed = { ...clip('bb', 0), file: 'renamed.wav' };
    expect((await reference.window(renamed, {})).text).toBe(' 三');
    for (const unknown of [clip('cc', 0), clip('bb', 1)]) {
      await expect(reference.window(unknown, {})).rejects.toMatchObject({
        code: 'REFERENCE_LACKS_FILE',
        hint: expect.stringContaining('aa.wav, bb.wav'),
      });
    }
  });

  test('is not there until it is finished, and nothing of it stays if it never is', async () => {
    const path = join(folder, 'c.json');
    {
      await using writer = await createReferenceFile(path, live);
      await writer.add(clip('aa', 0), windowSaying(' a'));
      expect(existsSync(path)).toBe(false);
    }
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith('c.json'))).toEqual([]);
  });

  test('that cannot be written is a clear error', async () => {
    await expect(createReferenceFile(join(folder, 'no', 'such', 'folder.json'), live)).rejects.toMatchObject({
      code: 'REFERENCE_NOT_WRITTEN',
    });
  });
});

describe('what is no reference file', () => {
  test.each([
    ['is empty', ''],
    ['is other JSON', '{"kind":"whisper-npu bench"}\n'],
    ['is no JSON', 'hello\n'],
  ])('%s', async (_, text) => {
    const path = join(folder, 'other.json');
    writeFileSync(path, text);
    await expect(openStoredReference(path)).rejects.toMatchObject({ code: 'REFERENCE_UNREADABLE' });
  });

  test('is not there', async () => {
    await expect(openStoredReference(join(folder, 'none.json'))).rejects.toMatchObject({
      code: 'REFERENCE_UNREADABLE',
    });
  });

  test.each(damageNames)('was damaged by %s', async (damage) => {
    const whole = readFileSync(await write('whole.json'));
    const path = join(folder, 'damaged.json');
    for (let seed = 0; seed < 40; seed++) {
      writeFileSync(path, damages[damage](whole, randomIntegers(seed)));
      const read = async () => (await openStoredReference(path)).window(clip('bb', 0), {});
      const outcome = await read().catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(UsageError);
    }
  });

  test('was cut short', async () => {
    const whole = readFileSync(await write('d.json'));
    const path = join(folder, 'cut.json');
    writeFileSync(path, whole.subarray(0, whole.length - 30));
    await expect(openStoredReference(path)).rejects.toMatchObject({ code: 'REFERENCE_UNREADABLE' });
  });
});
