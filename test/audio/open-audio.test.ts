import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pcmFormat } from '../../src/audio/formats/pcm.ts';
import type { ChannelChoice } from '../../src/audio/mono.ts';
import { openAudio } from '../../src/audio/open-audio.ts';
import { AudioError } from '../../src/errors.ts';
import { fixture } from '../support/fixtures.ts';
import { shared } from '../support/shared.ts';
import { type Encoding, openPiped, samplesOf, sine, temporaryFolder, wavBytes, writeSample } from './wav-bytes.ts';

/** Half a quantisation step of each encoding. */
const tolerance: Record<Encoding, number> = {
  u8: 2 ** -8,
  s16: 2 ** -16,
  s24: 2 ** -24,
  s32: 2 ** -24,
  f32: 0,
  f64: 0,
};
const encodings = Object.keys(tolerance) as Encoding[];

function expectClose(actual: Float32Array, expected: ArrayLike<number>, atol: number): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (const [i, x] of actual.entries()) worst = Math.max(worst, Math.abs(x - (expected[i] ?? Number.NaN)));
  expect(worst).toBeLessThanOrEqual(atol);
}

describe('every WAV format', () => {
  const left = sine(440, 16_000, 50_000, 0.7);
  const right = sine(310, 16_000, 50_000, -0.4);
  const expected: Record<ChannelChoice, Float32Array> = { left, right, mix: left.map((x, i) => (x + right[i]!) / 2) };

  for (const encoding of encodings)
    for (const isExtensible of [false, true])
      test(`${encoding}${isExtensible ? ', extensible' : ''}`, async () => {
        using folder = temporaryFolder();
        const path = folder.write('a.wav', wavBytes({ encoding, isExtensible, channels: [left, right] }));
        for (const channel of ['left', 'right', 'mix'] as const) {
          await using audio = await openAudio(path, { channel });
          expect(audio.durationSeconds).toBe(50_000 / 16_000);
          expectClose(await samplesOf(audio), expected[channel], tolerance[encoding] + 1e-7);
        }
      });

  test('mono gives the same for left and mix', async () => {
    const bytes = wavBytes({ channels: [left] });
    expect(await samplesOf(await openPiped(bytes, { channel: 'left' }))).toEqual(
      await samplesOf(await openPiped(bytes)),
    );
  });

  test('six channels are averaged', async () => {
    const channels = [0.6, 0, 0, 0, 0, -0.3].map((x) => [x, x / 2]);
    expectClose(await samplesOf(await openPiped(wavBytes({ encoding: 'f32', channels }))), [0.05, 0.025], 1e-7);
  });

  test('samples that fill their bytes in part stand at the upper end', async () => {
    const bytes = wavBytes({ encoding: 's24', bitsPerSample: 20, channels: [[0.25]] });
    expect([...(await samplesOf(await openPiped(bytes)))]).toEqual([0.25]);
  });

  test('integer extremes span [-1, 1)', async () => {
    for (const encoding of ['u8', 's16', 's24', 's32'] as const) {
      const samples = await samplesOf(await openPiped(wavBytes({ encoding, channels: [[-1, 0, 1]] })));
      expect(samples[0]).toBe(-1);
      expect(samples[1]).toBe(0);
      expect(samples[2]).toBeGreaterThan(0.99);
    }
  });

  test.each([8000, 22_050, 44_100, 48_000, 192_000])('%i Hz becomes 16 kHz, in place', async (sampleRate) => {
    const bytes = wavBytes({ encoding: 'f32', sampleRate, channels: [sine(700, sampleRate, sampleRate / 2, 0.5)] });
    const audio = await openPiped(bytes);
    expect(audio.durationSeconds).toBe(0.5);
    const samples = await samplesOf(audio);
    expect(samples.length).toBe(8000);
    expectClose(samples.subarray(800, -800), sine(700, 16_000, 8000, 0.5).subarray(800, -800), 1e-4);
  });
});

describe('samples', () => {
  test('beyond full scale are limited', async () => {
    const bytes = wavBytes({ encoding: 'f32', channels: [[3, -1e30, 0.5]] });
    expect([...(await samplesOf(await openPiped(bytes)))]).toEqual([1, -1, 0.5]);
    const square = Float32Array.from({ length: 4410 }, (_, i) => (i % 40 < 20 ? 1 : -1));
    const overshooting = wavBytes({ encoding: 'f32', sampleRate: 44_100, channels: [square] });
    for (const x of await samplesOf(await openPiped(overshooting))) expect(Math.abs(x)).toBeLessThanOrEqual(1);
  });

  test('that are no finite numbers are silence, told once', async () => {
    for (const encoding of ['f32', 'f64'] as const) {
      const channels = [new Float32Array(200_000).fill(0.5)];
      const bytes = wavBytes({ encoding, channels });
      const width = encoding === 'f32' ? 4 : 8;
      for (const [i, x] of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].entries())
        writeSample(bytes, 44 + i * 60_000 * width, x, encoding);
      if (encoding === 'f64') writeSample(bytes, 44 + 180_000 * width, 1e300, encoding);
      const warnings: string[] = [];
      const samples = await samplesOf(await openPiped(bytes, { onWarning: (message) => warnings.push(message) }));
      expect([samples[0], samples[60_000], samples[120_000], samples[1]]).toEqual([0, 0, 0, 0.5]);
      expect(samples.every((x) => x === 0 || x === 0.5)).toBe(true);
      expect(warnings).toEqual(['stdin has samples that are not numbers or infinite: they are read as silence']);
    }
  });

  test('there may be none', async () => {
    for (const sampleRate of [16_000, 44_100]) {
      const audio = await openPiped(wavBytes({ sampleRate, channels: [[]], chunksAfter: [Buffer.alloc(0)] }));
      expect((await samplesOf(audio)).length).toBe(0);
    }
  });

  test('a frame cut in two does not count', async () => {
    const bytes = wavBytes({
      channels: [
        [0.5, 0.25],
        [0.5, 0.25],
      ],
    });
    expect([...(await samplesOf(await openPiped(bytes.subarray(0, -3))))]).toEqual([0.5]);
  });
});

describe('a file', () => {
  test('of an hour is read in bounded memory', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'hour.wav');
    const dataSize = 3600 * 16_000;
    const header = wavBytes({ encoding: 'u8', channels: [[]], dataSize });
    const file = openSync(path, 'w');
    writeSync(file, header);
    ftruncateSync(file, header.length + dataSize);
    closeSync(file);

    const before = process.memoryUsage().arrayBuffers;
    let peakBytes = 0;
    let nSamples = 0;
    await using audio = await openAudio(path);
    for await (const block of audio.samples) {
      nSamples += block.length;
      peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers - before);
    }
    expect(nSamples).toBe(dataSize);
    // What the collector leaves lying about, 32 MiB at most, and hardly anything more; all samples would be 230 MB.
    expect(peakBytes).toBeLessThan(60e6);
  });

  test('shorter than its header says is refused, with a way to what it holds', async () => {
    using folder = temporaryFolder();
    const bytes = wavBytes({ channels: [new Float32Array(16_000).fill(0.5)] });
    const path = folder.write('cut.wav', bytes.subarray(0, 44 + 8000));
    await expect(openAudio(path, {})).rejects.toMatchObject({
      code: 'AUDIO_TRUNCATED',
      message: `${path} is cut short: its header says 1.00 s, it holds 0.25 s`,
      hint: expect.stringContaining(`transcribe - < ${path}`),
    });
  });

  test('can be closed before it is read, and twice', async () => {
    using folder = temporaryFolder();
    const audio = await openAudio(folder.write('a.wav', wavBytes()));
    await audio[Symbol.asyncDispose]();
    await audio[Symbol.asyncDispose]();
    await expect(samplesOf(audio)).rejects.toThrow(AudioError);
  });

  test.skipIf(!shared)('with a LIST chunk, of 11 seconds, is that long', async () => {
    await using audio = await openAudio(join(shared ?? '', 'audio/jfk.wav'));
    expect(audio.durationSeconds).toBe(11);
    expect((await samplesOf(audio)).length).toBe(176_000);
  });

  test.skipIf(!shared)('at 22.05 kHz sounds like the same at 16 kHz', async () => {
    const [resampled, wanted] = await Promise.all(
      ['espeak-en-22k', 'espeak-en-16k'].map(async (name) =>
        samplesOf(await openAudio(join(shared ?? '', `audio/${name}.wav`))),
      ),
    );
    expect(resampled?.length).toBe(wanted?.length);
    let signal = 0;
    let error = 0;
    for (const [i, x] of (wanted ?? []).entries()) {
      signal += x * x;
      error += (x - (resampled?.[i] ?? 0)) ** 2;
    }
    // Two resamplers differ near 8 kHz only.
    expect(10 * Math.log10(signal / error)).toBeGreaterThan(40);
  });
});

describe('stdin', () => {
  test('may come in pieces cut anywhere, the header included', async () => {
    const samples = sine(200, 16_000, 300, 0.5);
    const bytes = wavBytes({ encoding: 'f32', isExtensible: true, channels: [samples] });
    for (let cut = 0; cut <= 90; cut++) {
      const audio = await openPiped(bytes, {}, [cut, cut + 1, cut + 7]);
      expect(await samplesOf(audio)).toEqual(samples);
    }
  });

  test('that ends early is read to its end, with a warning', async () => {
    const warnings: string[] = [];
    const bytes = wavBytes({ channels: [new Float32Array(16_000)] }).subarray(0, 44 + 8000);
    const audio = await openPiped(bytes, { onWarning: (message) => warnings.push(message) });
    expect(audio.durationSeconds).toBe(1);
    expect((await samplesOf(audio)).length).toBe(4000);
    expect(warnings).toEqual(['stdin is cut short: its header says 1.00 s, it holds 0.25 s']);
  });

  test('is asked for no more than is read', async () => {
    let nChunks = 0;
    async function* endless() {
      yield wavBytes({ dataSize: 0xffffffff });
      for (; ; nChunks++) yield Buffer.alloc(65_536);
    }
    await using audio = await openAudio('-', {
      stdin: Readable.from(endless(), { objectMode: true, highWaterMark: 1 }),
    });
    expect(audio.durationSeconds).toBeUndefined();
    for await (const block of audio.samples) if (block.length > 0) break;
    expect(nChunks).toBeLessThan(5);
  });

  test('that fails midway is an error with its cause', async () => {
    async function* failing() {
      yield wavBytes({ dataSize: 0xffffffff });
      throw new Error('EIO');
    }
    const audio = await openAudio('-', { stdin: Readable.from(failing()) });
    await expect(samplesOf(audio)).rejects.toMatchObject({
      code: 'AUDIO_READ_FAILED',
      message: 'stdin cannot be read any further: EIO',
      cause: { message: 'EIO' },
    });
  });

  test('that is silent is left when the signal says so', async () => {
    const stdin = new Readable({ read() {} });
    const opening = openAudio('-', { stdin, signal: AbortSignal.timeout(20) });
    await expect(opening).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(stdin.destroyed).toBe(true);
  });

  test('can be closed while a read waits for it', async () => {
    const stdin = new Readable({ read() {} });
    stdin.push(wavBytes({ dataSize: 0xffffffff }));
    const audio = await openAudio('-', { stdin });
    const reading = samplesOf(audio);
    await Promise.all([
      expect(reading).rejects.toMatchObject({ code: 'AUDIO_READ_FAILED' }),
      new Promise(setImmediate).then(() => audio[Symbol.asyncDispose]()),
    ]);
    expect(stdin.destroyed).toBe(true);
  });

  test('that is missing is an error', async () => {
    await expect(openAudio('-')).rejects.toMatchObject({ code: 'AUDIO_NO_STDIN' });
  });
});

test('a signal stops a file between two blocks', async () => {
  using folder = temporaryFolder();
  const controller = new AbortController();
  const path = folder.write('a.wav', wavBytes({ channels: [new Float32Array(100_000)] }));
  await using audio = await openAudio(path, { signal: controller.signal });
  const reading = (async () => {
    for await (const _ of audio.samples) controller.abort(new Error('enough'));
  })();
  await expect(reading).rejects.toThrow('enough');
});

describe('a part of a recording', () => {
  const noise = Float32Array.from({ length: 90_000 }, (_, i) => Math.sin(i * i * 1e-4) * 0.5);

  test.each([16_000, 44_100, 22_050, 8000, 44_101])('at %i Hz is sample for sample the whole’s', async (sampleRate) => {
    const bytes = wavBytes({ encoding: 'f32', sampleRate, channels: [noise] });
    const whole = await samplesOf(await openPiped(bytes));
    const seconds = whole.length / 16_000;
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(share, share, async (a, b) => {
        const [startSeconds, endSeconds] = [Math.min(a, b) * 0.99 * seconds, Math.max(a, b) * 1.1 * seconds + 1e-3];
        const audio = await openPiped(bytes, { startSeconds, endSeconds });
        const [start, end] = [Math.round(startSeconds * 16_000), Math.round(endSeconds * 16_000)];
        expect(audio.offsetSeconds).toBe(start / 16_000);
        expect(audio.durationSeconds).toBeCloseTo((Math.min(end, whole.length) - start) / 16_000, 3);
        const part = await samplesOf(audio);
        expect(Buffer.from(part.buffer).equals(Buffer.from(whole.slice(start, end).buffer))).toBe(true);
      }),
      { numRuns: 12 },
    );
  });

  test('closes the input at its end', async () => {
    const stdin = Readable.from([wavBytes({ dataSize: 0xffffffff, channels: [noise] }), Buffer.alloc(1e6)]);
    const audio = await openAudio('-', { stdin, endSeconds: 0.5 });
    expect((await samplesOf(audio)).length).toBe(8000);
    expect(stdin.destroyed).toBe(true);
  });

  test('that begins behind the end is an error', async () => {
    const bytes = wavBytes({ channels: [new Float32Array(16_000)] });
    const error = {
      code: 'AUDIO_PAST_END',
      message: 'stdin has nothing at 1.50 s: it is 1.00 s long',
      hint: 'let it start earlier',
    };
    await expect(openPiped(bytes, { startSeconds: 1.5 }).then(samplesOf)).rejects.toMatchObject(error);
    const unknown = wavBytes({ channels: [new Float32Array(16_000)], dataSize: 0xffffffff });
    await expect(samplesOf(await openPiped(unknown, { startSeconds: 1.5 }))).rejects.toMatchObject(error);
    expect((await samplesOf(await openPiped(unknown, { startSeconds: 1 - 1 / 16_000 }))).length).toBe(1);
  });

  test('may lie behind the end that the header says: of recordings joined to one another it tells of the first', async () => {
    for (const name of ['espeak-en.mp3', 'espeak-en.flac', 'espeak-en.opus']) {
      const once = fixture(name);
      using folder = temporaryFolder();
      const warnings: string[] = [];
      const options = { startSeconds: 6, endSeconds: 11, onWarning: (message: string) => warnings.push(message) };
      const audio = await openAudio(folder.write(name, Buffer.concat([once, once])), options);
      expect(audio.durationSeconds).toBeUndefined();
      expect((await samplesOf(audio)).length, name).toBe(80_000);
      expect(warnings).toEqual([]);
    }
  });

  test('must have a length', async () => {
    for (const range of [
      { startSeconds: -1 },
      { startSeconds: 2, endSeconds: 2 },
      { endSeconds: 0 },
      { startSeconds: NaN },
    ])
      await expect(openPiped(wavBytes(), range)).rejects.toThrow(RangeError);
  });
});

describe('samples without a header', () => {
  test.each([
    ['u8', [0, 128, 255], [-1, 0, 127 / 128]],
    ['s16', [0, 0x80, 0, 0x40], [-1, 0.5]],
    ['s24', [0, 0, 0x80, 0, 0, 0x40], [-1, 0.5]],
    ['s32', [0, 0, 0, 0x80, 0, 0, 0, 0x40], [-1, 0.5]],
    ['f32', [0, 0, 0, 0xbf], [-0.5]],
    // The extremes and the smallest steps of the tables in ITU-T G.711.
    ['mulaw', [0x00, 0x80, 0xff, 0x7f, 0xfe], [-32_124 / 2 ** 15, 32_124 / 2 ** 15, 0, -0, 8 / 2 ** 15]],
    ['alaw', [0x2a, 0xaa, 0xd5, 0x55], [-32_256 / 2 ** 15, 32_256 / 2 ** 15, 8 / 2 ** 15, -8 / 2 ** 15]],
  ] as const)('%s', async (encoding, bytes, expected) => {
    const rawFormat = pcmFormat(encoding, 16_000, 1);
    const audio = await openPiped(Buffer.from(bytes), { rawFormat });
    expect(audio.durationSeconds).toBeUndefined();
    expect([...(await samplesOf(audio))]).toEqual(expected);
  });

  test('that are none are an error', async () => {
    const opening = openPiped(Buffer.alloc(0), { rawFormat: pcmFormat('s16', 16_000, 1) });
    await expect(opening).rejects.toMatchObject({ code: 'AUDIO_EMPTY', message: 'stdin is empty' });
  });

  test('have any rate and number of channels, and a duration as a file', async () => {
    using folder = temporaryFolder();
    const path = folder.write('a.raw', Buffer.alloc(3 * 8000, 0x55));
    const rawFormat = pcmFormat('alaw', 8000, 3);
    await using audio = await openAudio(path, { rawFormat, channel: 'right' });
    expect(audio.durationSeconds).toBe(1);
    expect((await samplesOf(audio)).length).toBe(16_000);
  });

  test('are what their options say, though they look like something else', async () => {
    const audio = await openPiped(Buffer.from('RIFF'), { rawFormat: pcmFormat('u8', 16_000, 1) });
    expect((await samplesOf(audio)).length).toBe(4);
  });
});

test('a WAV of G.711 is read, as telephones leave it', async () => {
  const formatChunk = Buffer.from('\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0', 'latin1');
  const bytes = wavBytes({ formatChunk, encoding: 'u8', channels: [new Float32Array(8000)] });
  const audio = await openPiped(bytes);
  expect(audio.durationSeconds).toBe(1);
  expect((await samplesOf(audio)).length).toBe(16_000);
});
