import { describe, expect, test } from 'vitest';
import { clock, followBatch } from '../../../../src/cli/transcribe/batch/progress.ts';

/** A batch on a clock that the test winds. */
function batch(...sizes: readonly [path: string, sizeBytes: number][]) {
  let now = 0;
  const progress = followBatch(
    sizes.map(([path, sizeBytes]) => ({ path, sizeBytes })),
    () => now,
  );
  const pass = (seconds: number) => {
    now += seconds * 1000;
  };
  return { progress, pass };
}

describe('progress', () => {
  test('of one file: how much, and how long at the pace so far', () => {
    const { progress, pass } = batch(['talk.wav', 3_200_000]);
    progress.begin('talk.wav', 100);
    expect(progress.status()).toEqual({ share: 0, text: '0 %', name: 'talk.wav' });
    pass(5);
    progress.reach(25);
    expect(progress.status()).toEqual({ share: 0.25, text: '25 %, 0:15 left', name: 'talk.wav' });
  });

  test('of a pipe: what has been heard', () => {
    const { progress } = batch(['-', 0]);
    progress.begin('stdin', undefined);
    progress.reach(3725);
    expect(progress.status()).toEqual({ share: undefined, text: '1:02:05 heard', name: 'stdin' });
  });

  test('of many: in this one and in all, by their sizes', () => {
    const { progress, pass } = batch(['a.wav', 3_200_000], ['b.wav', 6_400_000], ['c.wav', 3_200_000]);
    progress.begin('a.wav', 100);
    pass(10);
    progress.reach(100);
    progress.end();
    pass(1000); // between files nobody works
    progress.begin('b.wav', 200);
    pass(10);
    progress.reach(100);
    expect(progress.status()).toEqual({
      share: 0.5,
      text: '50 %, 0:10 left (file 2 of 3, in all 50 %, 0:20 left)',
      name: 'b.wav',
    });
  });

  test('learns how much audio a kind of file holds', () => {
    const { progress, pass } = batch(['a.mp3', 1000], ['b.mp3', 1000], ['c.mp3', 2000]);
    progress.begin('a.mp3', 100);
    pass(10);
    progress.reach(100);
    progress.end();
    progress.begin('b.mp3', 100);
    expect(progress.status().text).toBe('0 %, 0:10 left (file 2 of 3, in all 25 %, 0:30 left)');
  });

  test('counts a file that failed as done, without time', () => {
    const { progress } = batch(['a.wav', 3_200_000], ['b.wav', 3_200_000]);
    progress.end();
    progress.begin('b.wav', 100);
    expect(progress.status().text).toBe('0 % (file 2 of 2, in all 0 %)');
    expect(progress.position).toMatchObject({ name: 'b.wav', seconds: 0 });
  });
});

test.each([
  [0, '0:00'],
  [59.6, '1:00'],
  [3599.4, '59:59'],
  [36_061, '10:01:01'],
])('%d s is %s', (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});
