import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accuracyInputs } from '../../src/accuracy/inputs.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-inputs-'));
  writeFileSync(join(folder, 'said.txt'), 'What was said.\n');
  mkdirSync(join(folder, 'odd.txt'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const manifest = (text: string) => {
  const path = join(folder, 'clips.tsv');
  writeFileSync(path, text);
  return path;
};

test('without files it is the sample, with what it says', async () => {
  const [sample, ...others] = await accuracyInputs([], undefined);
  expect(others).toEqual([]);
  expect(sample).toMatchObject({ name: 'espeak-en-16k.wav', transcript: expect.stringContaining('neural processing') });
});

test('a file has the transcript that lies beside it, if any', async () => {
  const files = [join(folder, 'said.wav'), join(folder, 'other.wav')];
  expect(await accuracyInputs(files, undefined)).toEqual([
    { name: files[0], path: files[0], transcript: 'What was said.\n' },
    { name: files[1], path: files[1] },
  ]);
});

test('a transcript that is there but cannot be read is an error', async () => {
  await expect(accuracyInputs([join(folder, 'odd.wav')], undefined)).rejects.toMatchObject({
    code: 'TRANSCRIPT_UNREADABLE',
  });
});

test('stdin is refused: it can be read only once', async () => {
  await expect(accuracyInputs(['-'], undefined)).rejects.toMatchObject({ code: 'STDIN_UNFIT' });
});

describe('a manifest', () => {
  test('lists recordings from its own folder, after the files that are named', async () => {
    const path = manifest('\uFEFF# clips\n\nsaid.wav\tSomething else.\r\nsub/b.wav\t\nsaid.wav\n');
    expect(await accuracyInputs(['/x/c.wav'], path)).toEqual([
      { name: '/x/c.wav', path: '/x/c.wav' },
      { name: 'said.wav', path: join(folder, 'said.wav'), transcript: 'Something else.' },
      { name: 'sub/b.wav', path: join(folder, 'sub', 'b.wav'), transcript: '' },
      { name: 'said.wav', path: join(folder, 'said.wav'), transcript: 'What was said.\n' },
    ]);
  });

  test.each([
    ['a third column', 'a.wav\tone\ttwo\n'],
    ['no file', '\tone\n'],
  ])('with %s is refused with its line', async (_, text) => {
    const error = await accuracyInputs([], manifest(`# first\n${text}`)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'MANIFEST_INVALID', message: expect.stringContaining('line 2') });
  });

  test('that is not there is an error', async () => {
    await expect(accuracyInputs([], join(folder, 'none.tsv'))).rejects.toMatchObject({ code: 'MANIFEST_UNREADABLE' });
  });
});
