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
  return { progress, file: progress.next(), pass };
}

describe('progress', () => {
  test('of one file: how much, and how long at the pace so far', () => {
    const { progress, file, pass } = batch(['talk.wav', 3_200_000]);
    file.begin('talk.wav', 100);
    expect(progress.status()).toEqual({ share: 0, text: '0 %', name: 'talk.wav' });
    pass(5);
    file.reach(25);
    expect(progress.status()).toEqual({ share: 0.25, text: '25 %, 0:15 left', name: 'talk.wav' });
  });

  test('of a pipe: what has been heard', () => {
    const { progress, file } = batch(['-', 0]);
    file.begin('stdin', undefined);
    file.reach(3725);
    expect(progress.status()).toEqual({ share: undefined, text: '1:02:05 heard', name: 'stdin' });
  });

  test('of many: in this one and in all, by their sizes', () => {
    const { progress, file, pass } = batch(['a.wav', 3_200_000], ['b.wav', 6_400_000], ['c.wav', 3_200_000]);
    file.begin('a.wav', 100);
    pass(10);
    file.reach(100);
    file.end();
    const next = progress.next();
    pass(1000); // between files nobody works
    next.begin('b.wav', 200);
    pass(10);
    next.reach(100);
    expect(progress.status()).toEqual({
      share: 0.5,
      text: '50 %, 0:10 left (file 2 of 3, in all 50 %, 0:20 left)',
      name: 'b.wav',
    });
  });

  test('learns how much audio a kind of file holds', () => {
    const { progress, file, pass } = batch(['a.mp3', 1000], ['b.mp3', 1000], ['c.mp3', 2000]);
    file.begin('a.mp3', 100);
    pass(10);
    file.reach(100);
    file.end();
    const next = progress.next();
    next.begin('b.mp3', 100);
    expect(progress.status().text).toBe('0 %, 0:10 left (file 2 of 3, in all 25 %, 0:30 left)');
  });

  test('of several at a time: each, and in all at the pace of all together', () => {
    const { progress, file, pass } = batch(['a.wav', 3_200_000], ['b.wav', 1_600_000], ['-', 0], ['c.wav', 3_200_000]);
    const [second, third] = [progress.next(), progress.next()];
    file.begin('a.wav', 100);
    second.begin('b.wav', 50);
    third.begin('stdin', undefined);
    pass(10);
    file.reach(50);
    second.reach(45);
    third.reach(5);
    expect(progress.status()).toEqual({
      share: 100 / 255,
      text: '0 of 4 files done, in all 39 %, 0:16 left',
      name: 'a.wav 50 %, b.wav 90 %, stdin 0:05 heard',
    });
    second.end();
    third.end();
    pass(10);
    file.reach(100);
    expect(progress.status().text).toBe('100 %, 0:00 left (file 3 of 4, in all 60 %, 0:13 left)');
  });

  test('counts a file that failed as done, without time', () => {
    const { progress, file } = batch(['a.wav', 3_200_000], ['b.wav', 3_200_000]);
    file.end();
    const next = progress.next();
    next.begin('b.wav', 100);
    expect(progress.status().text).toBe('0 % (file 2 of 2, in all 0 %)');
    expect(next.position).toMatchObject({ name: 'b.wav', seconds: 0 });
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
