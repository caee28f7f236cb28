import { describe, expect, test } from 'vitest';
import { alignToSpeech } from '../../src/transcribe/align-to-speech.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { segment } from '../output/segments.ts';

const speech = [
  { startSeconds: 1, endSeconds: 4 },
  { startSeconds: 5, endSeconds: 9 },
  { startSeconds: 41, endSeconds: 44 },
];

async function aligned(...segments: readonly Segment[]): Promise<number[][]> {
  async function* given() {
    yield* segments;
  }
  const times: number[][] = [];
  for await (const { startSeconds, endSeconds } of alignToSpeech(given(), speech))
    times.push([startSeconds, endSeconds]);
  return times;
}

describe('the ends of segments', () => {
  test('move to those of the speech that they reach into', async () => {
    expect(await aligned(segment(0, 10, ' all'))).toEqual([[1, 9]]);
    expect(await aligned(segment(0.5, 4.6, ' first'), segment(4.6, 20, ' second'))).toEqual([
      [1, 4],
      [5, 9],
    ]);
  });

  test('stay inside of speech', async () => {
    expect(await aligned(segment(2, 3, ' some'))).toEqual([[2, 3]]);
  });

  test('forget speech that they only touch', async () => {
    expect(await aligned(segment(1, 8.9, ' first'), segment(8.9, 44.5, ' second'))).toEqual([
      [1, 8.9],
      [41, 44],
    ]);
  });

  test('move to speech behind a pause where they lie in silence', async () => {
    expect(await aligned(segment(1, 9, ' first'), segment(30, 37, ' second'))).toEqual([
      [1, 9],
      [41, 44],
    ]);
  });

  test('move to the speech before where that behind is another segment’s, and stay where none is near', async () => {
    expect(await aligned(segment(30, 37, ' one'), segment(40, 44, ' two'))).toEqual([
      [5, 9],
      [41, 44],
    ]);
    expect(await aligned(segment(100, 101, ' noise'))).toEqual([[100, 101]]);
  });

  test('are those of the words where these are known', async () => {
    const words = [{ text: ' one', startSeconds: 0.2, endSeconds: 4.5, probability: 1 }];
    expect(await aligned(segment(0.2, 4.5, ' one', words))).toEqual([[0.2, 4.5]]);
  });
});
