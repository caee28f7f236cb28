import { describe, expect, test } from 'vitest';
import { openPiped, samplesOf, sine, wavBytes } from './wav-bytes.ts';

async function read(channels: readonly Float32Array[]): Promise<{ samples: Float32Array; warnings: string[] }> {
  const warnings: string[] = [];
  const bytes = wavBytes({ encoding: 'f32', channels });
  const audio = await openPiped(bytes, { onWarning: (message) => warnings.push(message) });
  return { samples: await samplesOf(audio), warnings };
}

const voice = sine(440, 16_000, 48_000, 0.5);
const other = sine(311, 16_000, 48_000, 0.3);
const scaled = (samples: Float32Array, factor: number) => samples.map((x) => x * factor);

describe('channels that cancel out', () => {
  test('when one is the opposite of the other, the louder one is read, with a warning', async () => {
    for (const [factor, label] of [
      [-1, 'left'],
      [-0.8, 'left'],
      [-1.25, 'right'],
    ] as const) {
      const loud = scaled(voice, factor);
      const { samples, warnings } = await read([voice, loud]);
      expect(samples).toEqual(label === 'left' ? voice : loud);
      expect(warnings).toEqual([
        `stdin has channels that cancel each other out when they are mixed: the ${label} one is read instead`,
      ]);
    }
  });

  test('in a part of the recording are left out there alone', async () => {
    const right = voice.map((x, i) => (i < 16_384 ? x : -x));
    const { samples, warnings } = await read([voice, right]);
    expect(warnings.length).toBe(1);
    expect(samples.subarray(0, 16_384)).toEqual(voice.subarray(0, 16_384));
    expect(samples.subarray(40_960)).toEqual(voice.subarray(40_960));
  });
});

test.each([
  ['the same on both sides', [voice, voice]],
  ['two voices that have nothing to do with each other', [voice, other]],
  ['one of many channels', [new Float32Array(48_000), voice, ...Array(6).fill(new Float32Array(48_000))]],
  ['opposite noise under a voice', [voice.map((x, i) => x + other[i]!), voice.map((x, i) => x - other[i]!)]],
  ['silence', [new Float32Array(48_000), new Float32Array(48_000)]],
])('%s is mixed', async (_, channels: readonly Float32Array[]) => {
  const { samples, warnings } = await read(channels);
  expect(warnings).toEqual([]);
  const mean = voice.map((_x, i) => channels.reduce((sum, channel) => sum + channel[i]!, 0) / channels.length);
  for (let i = 0; i < samples.length; i++) expect(Math.abs(samples[i]! - mean[i]!)).toBeLessThan(1e-6);
});
