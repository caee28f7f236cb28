import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { fixture, fixturePath } from '../../support/fixtures.ts';
import { openPiped, samplesOf, temporaryFolder } from '../wav-bytes.ts';
import { type FrameOptions, fixedCoefficients, flacBytes, type Subframe } from './flac-bytes.ts';

const wav = async () => samplesOf(await openAudio('samples/espeak-en-16k.wav'));
const plain: FrameOptions = {
  bitsPerSample: 16,
  sampleRate: 16_000,
  stereo: 'independent',
  subframe: { type: 'verbatim' },
  wastedBits: 0,
};

async function warningsOf(bytes: Uint8Array): Promise<{ samples: Float32Array; warnings: string[] }> {
  const warnings: string[] = [];
  const audio = await openPiped(bytes, { onWarning: (message) => warnings.push(message) });
  return { samples: await samplesOf(audio), warnings };
}

test('a clip is, bit for bit, the WAV it was made from', async () => {
  await using audio = await openAudio(fixturePath('espeak-en.flac'));
  expect(audio.durationSeconds).toBe(89_652 / 16_000);
  expect(await samplesOf(audio)).toEqual(await wav());
});

describe('every form of frame gives back what was written', () => {
  const rice = fc.record({
    partitionOrder: fc.constantFrom(0, 1, 2),
    k: fc.oneof(fc.constant('escape' as const), fc.nat(14)),
    longParameters: fc.boolean(),
  });
  const subframe: fc.Arbitrary<Subframe> = fc.oneof(
    fc.constant({ type: 'verbatim' as const }),
    fc.tuple(fc.nat(4), rice).map(([order, options]) => ({
      type: 'fixed' as const,
      coefficients: fixedCoefficients(order),
      shift: 0,
      ...options,
    })),
    fc
      .tuple(
        fc.array(fc.double({ min: -0.5, max: 0.5, noNaN: true }), { minLength: 1, maxLength: 8 }),
        fc.nat(14),
        rice,
      )
      .map(([weights, shift, options]) => ({
        type: 'lpc' as const,
        coefficients: weights.map((weight) => Math.round(weight * 2 ** shift)),
        shift,
        ...options,
      })),
  );
  const options = fc.record({
    bitsPerSample: fc.constantFrom(8, 12, 16, 20, 24),
    sampleRate: fc.constant(16_000),
    stereo: fc.constantFrom('independent', 'left-side', 'side-right', 'mid-side'),
    subframe,
    wastedBits: fc.constantFrom(0, 0, 1, 3),
  });

  test('stereo of up to 24 bits', async () => {
    const values = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 128, maxLength: 128 });
    await fc.assert(
      fc.asyncProperty(options, values, async (frame, noise) => {
        const scale = 2 ** (frame.bitsPerSample - 1 - frame.wastedBits);
        // Loud enough to matter, quiet enough for residuals of bad predictors to stay short.
        const at = (i: number) => Math.round((noise[i] ?? 0) * (scale / 64)) * 2 ** frame.wastedBits + 0;
        // The mean of two samples loses a bit, which must not be one of those left out.
        const step = frame.stereo === 'mid-side' && frame.wastedBits > 0 ? 2 : 1;
        const channels = [0, 1].map((channel) => Array.from({ length: 64 }, (_, i) => step * at(2 * i + channel)));
        const bytes = flacBytes(channels, 32, frame);
        // Each by itself: what is mixed depends on the phases of the two.
        for (const [i, channel] of (['left', 'right'] as const).entries())
          expect([...(await samplesOf(await openPiped(bytes, { channel })))]).toEqual(
            channels[i]!.map((x) => x / 2 ** (frame.bitsPerSample - 1)),
          );
      }),
      { numRuns: 150 },
    );
  });

  test('silence in a constant, and 32 bits', async () => {
    const silent = { ...plain, subframe: { type: 'constant' as const } };
    expect(await samplesOf(await openPiped(flacBytes([Array(100).fill(-8192)], 40, silent)))).toEqual(
      new Float32Array(100).fill(-0.25),
    );
    const wide = { ...plain, bitsPerSample: 32 };
    const values = [-(2 ** 31), 2 ** 30, 0, 2 ** 31 - 2 ** 10];
    expect([...(await samplesOf(await openPiped(flacBytes([values], 4, wide))))]).toEqual(
      values.map((x) => Math.fround(x / 2 ** 31)),
    );
  });

  test('eight channels, of which two are picked', async () => {
    const channels = Array.from({ length: 8 }, (_, channel) => [channel * 1024]);
    const bytes = flacBytes(channels, 1, plain);
    expect([...(await samplesOf(await openPiped(bytes)))]).toEqual([3584 / 2 ** 15]);
    expect([...(await samplesOf(await openPiped(bytes, { channel: 'right' })))]).toEqual([1024 / 2 ** 15]);
  });

  test('more than 127 frames, whose numbers take two bytes', async () => {
    const values = Array.from({ length: 300 }, (_, i) => i * 100);
    expect([...(await samplesOf(await openPiped(flacBytes([values], 1, plain))))]).toEqual(
      values.map((x) => x / 2 ** 15),
    );
  });
});

describe('around the frames there may be', () => {
  const bytes = flacBytes([[1, 2, 3, 4].map((x) => x * 4096)], 2, plain);
  const samples = [0.125, 0.25, 0.375, 0.5];

  test('an ID3 tag before, of any size, and junk behind', async () => {
    for (const tagBytes of [0, 5, 300_000]) {
      const size = [21, 14, 7, 0].map((shift) => (tagBytes >> shift) & 0x7f);
      const tag = Buffer.concat([Buffer.from('ID3\x04\0\0'), Buffer.from(size), Buffer.alloc(tagBytes, 0xff)]);
      expect(await warningsOf(Buffer.concat([tag, bytes, Buffer.from('TAG and more')]))).toEqual({
        samples: Float32Array.from(samples),
        warnings: [],
      });
    }
  });

  test('blocks of metadata, larger than any buffer', async () => {
    const info = Buffer.from(bytes.subarray(4, 42));
    info[0] = 0;
    const picture = Buffer.concat([Buffer.of(6, 0x0f, 0x42, 0x40), Buffer.alloc(1_000_000, 0xff)]);
    const padding = Buffer.of(0x81, 0, 0, 1, 0);
    const file = Buffer.concat([Buffer.from('fLaC'), info, picture, padding, bytes.subarray(42)]);
    expect((await warningsOf(file)).samples).toEqual(Float32Array.from(samples));
  });

  test('no count of the samples, and none at all', async () => {
    const uncounted = Buffer.from(bytes);
    uncounted.fill(0, 22, 26);
    const audio = await openPiped(uncounted);
    expect(audio.durationSeconds).toBeUndefined();
    expect([...(await samplesOf(audio))]).toEqual(samples);
    expect(await warningsOf(uncounted.subarray(0, 42))).toEqual({ samples: new Float32Array(0), warnings: [] });
  });
});

describe('damage', () => {
  const whole = fixture('espeak-en.flac');

  test('of one byte costs one frame, with one warning', async () => {
    const bytes = Buffer.from(whole);
    bytes[50_000]! ^= 0x10;
    const { samples, warnings } = await warningsOf(bytes);
    expect(samples.length).toBe(89_652 - 4096);
    expect(warnings).toEqual([
      'stdin is cut short: its header says 5.60 s, it holds 5.35 s',
      'stdin is damaged: a frame fails its checksum; that is left out, and what follows comes so much earlier',
    ]);
  });

  test('of many places is told once', async () => {
    const bytes = Buffer.from(whole);
    for (let at = 20_000; at < 100_000; at += 20_000) bytes[at]! ^= 0x10;
    expect((await warningsOf(bytes)).warnings[1]).toMatch(/a frame fails its checksum, and more in \d other places/);
  });

  test('that cuts the end off leaves what is there', async () => {
    const { samples, warnings } = await warningsOf(whole.subarray(0, 60_000));
    expect(samples).toEqual((await wav()).subarray(0, samples.length));
    expect(samples.length).toBeGreaterThan(40_000);
    expect(warnings).toEqual([
      expect.stringMatching(/^stdin is cut short: its header says 5.60 s, it holds [23].\d\d s$/),
    ]);
  });

  test('of everything is an error', async () => {
    await expect(warningsOf(Buffer.concat([whole.subarray(0, 100), Buffer.alloc(1000, 0xff)]))).rejects.toMatchObject({
      code: 'AUDIO_DAMAGED',
      message: expect.stringContaining('stdin is damaged, nothing in it can be decoded'),
    });
    for (const bytes of [Buffer.from('fLaC'), whole.subarray(0, 20), Buffer.from('fLaC\x84\0\0\0')])
      await expect(warningsOf(bytes)).rejects.toMatchObject({ code: 'AUDIO_BAD_FORMAT' });
  });

  test('is told for files as for pipes', async () => {
    using folder = temporaryFolder();
    const warnings: string[] = [];
    const path = folder.write('cut.flac', whole.subarray(0, 60_000));
    await samplesOf(await openAudio(path, { onWarning: (message) => warnings.push(message) }));
    expect(warnings).toHaveLength(1);
  });
});
