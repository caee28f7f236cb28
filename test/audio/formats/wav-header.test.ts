import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { AudioError } from '../../../src/errors.ts';
import { chunk, ds64, openPiped, samplesOf, temporaryFolder, type WavOptions, wavBytes } from '../wav-bytes.ts';

const channels = [[0.5, -0.25, 0.125]];
const samples = [0.5, -0.25, 0.125];

/** Reads a WAV as stdin and as a file; both must agree on the samples. */
async function read(bytes: Uint8Array) {
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const piped = await openPiped(bytes, { onWarning });
  const pipedSamples = [...(await samplesOf(piped))];
  using folder = temporaryFolder();
  await using file = await openAudio(folder.write('a.wav', bytes));
  expect([...(await samplesOf(file))]).toEqual(pipedSamples);
  expect(file.durationSeconds).toBe(pipedSamples.length / 16_000);
  return { samples: pipedSamples, durationSeconds: piped.durationSeconds, warnings };
}

async function errorOf(bytes: Uint8Array): Promise<AudioError> {
  const error: unknown = await openPiped(bytes).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AudioError);
  return error as AudioError;
}

describe('a header', () => {
  const known = { samples, durationSeconds: 3 / 16_000, warnings: [] };
  const unknown = { samples, durationSeconds: undefined, warnings: [] };

  test('may have chunks before and after the samples, odd ones padded', async () => {
    const chunksBefore = [
      chunk('LIST', Buffer.from('INFOabc')),
      chunk('JUNK', Buffer.alloc(101, 'data')),
      chunk('fact', Buffer.alloc(4)),
    ];
    expect(
      await read(wavBytes({ channels, chunksBefore, chunksAfter: [chunk('LIST', Buffer.alloc(500, 1))] })),
    ).toEqual(known);
  });

  test('may be larger than any buffer', async () => {
    expect(await read(wavBytes({ channels, chunksBefore: [chunk('JUNK', Buffer.alloc(300_001, 'fmt '))] }))).toEqual(
      known,
    );
  });

  test.each(['RF64', 'BW64'])('may be %s, its size in ds64', async (container) => {
    const allOnes = { container, riffSize: 0xffffffff, dataSize: 0xffffffff };
    const chunksAfter = [chunk('LIST', Buffer.alloc(50, 1))];
    expect(await read(wavBytes({ ...allOnes, channels, chunksBefore: [ds64(6n)], chunksAfter }))).toEqual(known);
    for (const size of [0n, 2n ** 64n - 1n])
      expect(await read(wavBytes({ ...allOnes, channels, chunksBefore: [ds64(size)] }))).toEqual(unknown);
  });

  test.each([
    ['ffmpeg', 0xffffffff, 0xffffffff],
    ['SoX', 0x7ffff024, 0x7ffff000],
    ['arecord', 0x80000024, 0x80000000],
    ['others, with zeros', 0, 0],
    ['others, with an empty RIFF chunk', 36, 0],
  ])('of a writer to a pipe (%s) means all that comes', async (_, riffSize, dataSize) => {
    expect(await read(wavBytes({ channels, riffSize, dataSize }))).toEqual(unknown);
  });

  test('of no samples with chunks behind means no samples', async () => {
    const bytes = wavBytes({ channels: [[]], chunksAfter: [chunk('LIST', Buffer.alloc(40, 1))] });
    expect(await read(bytes)).toEqual({ samples: [], durationSeconds: 0, warnings: [] });
  });

  test('of which nothing has come is an error, from a pipe too', async () => {
    const header = wavBytes({ channels: [new Float32Array(1600)] }).subarray(0, 45);
    const reading = openPiped(header).then(samplesOf);
    await expect(reading).rejects.toMatchObject({
      code: 'AUDIO_TRUNCATED',
      message: 'stdin is cut short: its header says 0.10 s, it holds 0.00 s',
    });
  });

  test('that claims petabytes costs nothing', async () => {
    const bytes = wavBytes({ channels, container: 'RF64', dataSize: 0xffffffff, chunksBefore: [ds64(2n ** 50n)] });
    expect([...(await samplesOf(await openPiped(bytes)))]).toEqual(samples);
    using folder = temporaryFolder();
    const path = folder.write("it's a.wav", bytes);
    await expect(openAudio(path)).rejects.toMatchObject({
      code: 'AUDIO_TRUNCATED',
      hint: expect.stringMatching(/: whisper-npu transcribe - < '\S*\/it'\\''s a\.wav'$/), // as a shell needs it
    });
  });
});

describe('what is no readable WAV is named', () => {
  const cases: [name: string, bytes: Uint8Array, code: string, message: string | RegExp][] = [
    ['a header cut at once', Buffer.from('RIFF\0\0'), 'AUDIO_NO_FORMAT', /no fmt chunk/],
    ['zeros behind RIFF', wavBytes().fill(0, 12), 'AUDIO_NO_FORMAT', /no fmt chunk/],
    [
      'samples before their format',
      wavBytes({ chunksBefore: [chunk('data', Buffer.alloc(4))] }),
      'AUDIO_NO_FORMAT',
      /no fmt chunk before/,
    ],
    ['a header cut before data', wavBytes().subarray(0, 38), 'AUDIO_NO_DATA', /no data chunk/],
    ['a short fmt chunk', wavBytes({ formatChunk: Buffer.alloc(14) }), 'AUDIO_BAD_FORMAT', /holds 14 bytes/],
    ['no channels', wavBytes({ nChannels: 0 }), 'AUDIO_BAD_FORMAT', /0 channels$/],
    ['no sample rate', wavBytes({ sampleRate: 0 }), 'AUDIO_BAD_FORMAT', /from 1000 to 384000 Hz but it says 0$/],
    ['a low rate', wavBytes({ sampleRate: 999 }), 'AUDIO_BAD_FORMAT', /says 999$/],
    ['a high rate', wavBytes({ sampleRate: 384_001 }), 'AUDIO_BAD_FORMAT', /says 384001$/],
    [
      'a block align that lies',
      wavBytes({ blockAlign: 4 }),
      'AUDIO_BAD_FORMAT',
      '1 channels of 2 bytes do not make frames of 4 bytes',
    ],
  ];
  test.each(cases)('%s', async (_, bytes, code, message) => {
    const error = await errorOf(bytes);
    expect(error.code).toBe(code);
    if (typeof message === 'string') expect(error.message).toContain(message);
    else expect(error.message).toMatch(message);
  });

  const codecs: [options: WavOptions, message: string][] = [
    [{ formatTag: 2, bitsPerSample: 4 }, '4-bit Microsoft ADPCM'],
    [{ formatTag: 6, bitsPerSample: 16 }, '16-bit A-law'],
    [{ formatTag: 7, bitsPerSample: 16, isExtensible: true }, '16-bit mu-law'],
    [{ formatTag: 17, bitsPerSample: 4 }, '4-bit IMA ADPCM'],
    [{ formatTag: 85, bitsPerSample: 0 }, '0-bit MP3'],
    [{ formatTag: 0x1234 }, '16-bit format tag 0x1234'],
    [{ formatTag: 1, bitsPerSample: 64 }, '64-bit PCM'],
    [{ formatTag: 3, bitsPerSample: 16 }, '16-bit float'],
    [{ formatTag: 0xfffe }, '16-bit extensible format of unknown kind'],
  ];
  test.each(codecs)('codec %j', async (options, message) => {
    const error = await errorOf(wavBytes(options));
    expect(error.code).toBe('AUDIO_NEEDS_FFMPEG');
    expect(error.message).toContain(`stdin is WAV of ${message}, which takes ffmpeg to decode`);
    expect(error.hint).toContain('ffmpeg -i');
  });

  test('an odd fmt chunk is none the worse for it', async () => {
    const formatChunk = wavBytes().subarray(20, 36);
    expect([
      ...(await samplesOf(
        await openPiped(wavBytes({ channels, formatChunk: Buffer.concat([formatChunk, Buffer.alloc(1)]) })),
      )),
    ]).toEqual(samples);
  });

  test('zeros without end are given up', async () => {
    let nBlocks = 0;
    async function* zeros() {
      yield Buffer.from('RIFF\0\0\0\0WAVE');
      for (; nBlocks < 100; nBlocks++) yield Buffer.alloc(65_536);
    }
    const stdin = Readable.from(zeros(), { highWaterMark: 1 });
    await expect(openAudio('-', { stdin })).rejects.toMatchObject({ code: 'AUDIO_NO_FORMAT' });
    expect(nBlocks).toBeLessThan(5);
  });

  test('of more channels than any recording has', async () => {
    for (const nChannels of [65, 65_535]) {
      const bytes = wavBytes({ encoding: 'u8', channels: Array(nChannels).fill([0]), blockAlign: nChannels });
      await expect(openPiped(bytes)).rejects.toMatchObject({
        code: 'AUDIO_TOO_MANY_CHANNELS',
        message: `stdin has ${nChannels} channels: 64 can be read`,
      });
    }
    await expect(openPiped(wavBytes({ channels: Array(64).fill([0]) }))).resolves.toBeDefined();
  });

  test('a right channel of mono', async () => {
    await expect(openPiped(wavBytes(), { channel: 'right' })).rejects.toMatchObject({ code: 'AUDIO_NO_CHANNEL' });
  });

  test('paths', async () => {
    using folder = temporaryFolder();
    const missing = join(folder.path, 'missing.wav');
    await expect(openAudio(missing)).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
      message: `${missing} does not exist`,
    });
    await expect(openAudio(join(folder.write('file', Buffer.of(1)), 'a.wav'))).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
    });
    await expect(openAudio(folder.path)).rejects.toMatchObject({ code: 'AUDIO_IS_DIRECTORY' });
    await expect(openAudio('https://example.org/a b.mp3')).rejects.toMatchObject({
      code: 'AUDIO_IS_URL',
      message: 'https://example.org/a b.mp3 is an address, not a file: nothing is fetched from the network',
      hint: "fetch it first, or on the way: curl -L 'https://example.org/a b.mp3' | whisper-npu transcribe -",
    });
    await expect(openAudio('s3://bucket/a.mp3')).rejects.toMatchObject({
      hint: 'fetch it first with the program that is there for such addresses',
    });
    await expect(openAudio('file:///tmp/a.mp3')).rejects.toMatchObject({
      code: 'AUDIO_IS_URL',
      hint: 'name the file by its path, without file://',
    });
    await expect(openAudio('a\0b')).rejects.toMatchObject({ code: 'AUDIO_OPEN_FAILED' });
  });

  test.skipIf(process.getuid?.() === 0)('a file without permission', async () => {
    using folder = temporaryFolder();
    const path = folder.write('secret.wav', wavBytes());
    chmodSync(path, 0);
    await expect(openAudio(path)).rejects.toMatchObject({ code: 'AUDIO_NO_PERMISSION' });
  });
});

describe('whatever the bytes, there are samples or an AudioError', () => {
  async function readAny(bytes: Uint8Array): Promise<void> {
    try {
      const audio = await openPiped(bytes);
      for await (const block of audio.samples)
        for (const x of block) if (!(Math.abs(x) <= 1)) throw new Error(`sample ${x}`);
    } catch (error) {
      if (!(error instanceof AudioError)) throw error;
    }
  }

  test('random bytes, with and without a RIFF start', async () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    await fc.assert(fc.asyncProperty(bytes, readAny), { numRuns: 200 });
    const riff = Buffer.from('RIFF\0\0\0\0WAVEfmt ');
    await fc.assert(
      fc.asyncProperty(bytes, (tail) => readAny(Buffer.concat([riff, tail]))),
      { numRuns: 200 },
    );
  });

  test('WAVs with bytes changed and the end cut off', async () => {
    const originals = [
      wavBytes({
        encoding: 'f64',
        isExtensible: true,
        channels: [
          [0.1, 0.2],
          [0.3, 0.4],
        ],
      }),
      wavBytes({ encoding: 's24', sampleRate: 44_100, chunksBefore: [chunk('LIST', Buffer.alloc(9))] }),
      wavBytes({ container: 'RF64', dataSize: 0xffffffff, chunksBefore: [ds64(320n)] }),
    ];
    const change = fc.record({ at: fc.nat(79), to: fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff) });
    const damage = fc.tuple(fc.constantFrom(...originals), fc.array(change, { maxLength: 4 }), fc.nat(400));
    await fc.assert(
      fc.asyncProperty(damage, async ([original, changes, length]) => {
        const bytes = Buffer.from(original.subarray(0, length < 200 ? length : undefined));
        for (const { at, to } of changes) bytes[at] = to;
        await readAny(bytes);
      }),
      { numRuns: 600 },
    );
  });
});
