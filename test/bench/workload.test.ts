import { describe, expect, test } from 'vitest';
import { benchAudio, repeatTo } from '../../src/bench/workload.ts';

describe('repeatTo', () => {
  const samples = Float32Array.of(1, 2, 3);
  test.each([
    ['cuts', 2, [1, 2]],
    ['keeps', 3, [1, 2, 3]],
    ['repeats', 7, [1, 2, 3, 1, 2, 3, 1]],
  ])('%s', (_, length, expected) => {
    expect([...repeatTo(samples, length)]).toEqual(expected);
  });
});

describe('benchAudio', () => {
  test('takes 4 s of the sample that ships, and says so', async () => {
    const { samples, seconds, description } = await benchAudio(undefined, undefined);
    expect(samples).toHaveLength(64_000);
    expect(seconds).toBe(4);
    expect(description).toBe('sample espeak-en-16k.wav, cut to 4.0 s');
  });

  test('repeats it where more is wanted', async () => {
    const { samples, description } = await benchAudio(undefined, 10);
    expect(samples).toHaveLength(160_000);
    expect(description).toBe('sample espeak-en-16k.wav, repeated to 10.0 s');
  });

  test('takes a file whole, unless a length is asked for', async () => {
    const file = 'samples/espeak-en-16k.wav';
    expect(await benchAudio(file, undefined)).toMatchObject({ description: `${file}, 5.6 s` });
    expect(await benchAudio(file, 1)).toMatchObject({ description: `${file}, cut to 1.0 s`, seconds: 1 });
  });
});
