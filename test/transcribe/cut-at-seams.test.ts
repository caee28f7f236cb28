import { describe, expect, test } from 'vitest';
import type { EncodedAudio } from '../../src/backend/backend.ts';
import type { DecodingResult } from '../../src/decoding/decode.ts';
import { cutAtSeams } from '../../src/transcribe/cut-at-seams.ts';
import { resolveOptions } from '../../src/transcribe/options.ts';
import type { Word } from '../../src/transcribe/segment.ts';
import type { Draft } from '../../src/transcribe/slice-segments.ts';
import { createSpeechTimes, type SpeechTimes } from '../../src/vad/speech-times.ts';
import { at, scriptedModel } from './scripted-model.ts';

// 4 s of speech, 26 s of silence, 6 s of speech.
const times = createSpeechTimes([
  { start: 0, end: 4 * 16_000 },
  { start: 30 * 16_000, end: 36 * 16_000 },
]);
const { model } = scriptedModel(() => ({ tokens: [] }));

function cut(drafts: readonly Draft[], speech: SpeechTimes = times): Promise<Draft[]> {
  const decoded = {
    window: 0,
    range: { seek: 0, size: 1000 },
    result: {} as DecodingResult,
    sliced: { drafts: [...drafts], advance: 1000, heard: 1000, endsWithSingleTimestamp: false },
    lastSpeechSeconds: 0,
    frameCount: 1000,
    drafts,
  };
  return cutAtSeams(model, {} as EncodedAudio, decoded, speech, resolveOptions({}));
}

function draft(startSeconds: number, endSeconds: number, words?: readonly Word[]): Draft {
  const tokens = [at(startSeconds), ...(words ?? [{}]).map((_, i) => i + 1), at(endSeconds)];
  const text = (words ?? [{}]).map((_, i) => ` t${i + 1}`).join('');
  return { startSeconds, endSeconds, text, tokens, ...(words === undefined ? {} : { words: [...words] }) };
}

const word = (number: number, startSeconds: number, endSeconds: number): Word => ({
  text: ` t${number}`,
  startSeconds,
  endSeconds,
  probability: 1,
});

const spans = (drafts: readonly Draft[]) =>
  drafts.map(({ startSeconds, endSeconds, text }) => [startSeconds, endSeconds, text]);

describe('a segment in speech without its silence', () => {
  test('stays as it is on one side of a seam', async () => {
    const drafts = [draft(0, 4), draft(4, 9)];
    expect(await cut(drafts)).toEqual(drafts);
  });

  test('ends at a seam that it reaches over by no more than padding', async () => {
    expect(spans(await cut([draft(0, 4.3), draft(3.7, 9)]))).toEqual([
      [0, 4, ' t1'],
      [4, 9, ' t1'],
    ]);
    expect(spans(await cut([draft(3.9, 4.3)]))).toEqual([[4, 4.3, ' t1']]);
  });

  test('lies where its words were said, whatever its timestamps say', async () => {
    const behind = draft(2, 9, [word(1, 4.5, 5), word(2, 5, 8)]);
    expect(spans(await cut([behind]))).toEqual([[4.5, 9, ' t1 t2']]);
    const before = draft(1, 7, [word(1, 1.5, 2), word(2, 2, 3.5)]);
    expect(spans(await cut([before]))).toEqual([[1, 3.5, ' t1 t2']]);
  });

  test('is cut in two where words were said on both sides, each with its tokens', async () => {
    const both = draft(1, 8, [word(1, 1, 2), word(2, 2, 4.1), word(3, 4.6, 6), word(4, 6, 8)]);
    const parts = await cut([both]);
    expect(spans(parts)).toEqual([
      [1, 4, ' t1 t2'],
      [4.6, 8, ' t3 t4'],
    ]);
    expect(parts.map(({ tokens }) => tokens)).toEqual([
      [at(1), 1, 2],
      [3, 4, at(8)],
    ]);
    expect(parts.map(({ words = [] }) => words.map(({ text }) => text))).toEqual([
      [' t1', ' t2'],
      [' t3', ' t4'],
    ]);
  });

  test('gives a word to the side where its voice is, though most of it lies in padding on the other', async () => {
    const heard = createSpeechTimes([
      { start: 0, end: 4 * 16_000 },
      { start: 30 * 16_000, end: 36 * 16_000 },
    ]);
    heard.hear({ start: 0.4 * 16_000, end: 3.4 * 16_000 });
    heard.hear({ start: 30.1 * 16_000, end: 35.6 * 16_000 });
    // The second word's middle is 3.95 s; the voice before the seam ends at 3.4 s, the one behind begins at 4.1 s.
    const both = draft(1, 8, [word(1, 1, 3), word(2, 3.6, 4.3), word(3, 4.6, 6)]);
    expect(spans(await cut([both], heard))).toEqual([
      [1, 3, ' t1'],
      [4, 8, ' t2 t3'],
    ]);
  });

  test('lies in its longer part where a device cannot tell when words were said', async () => {
    expect(spans(await cut([draft(3, 9), draft(1, 5)]))).toEqual([
      [4, 9, ' t1'],
      [1, 4, ' t1'],
    ]);
  });
});
