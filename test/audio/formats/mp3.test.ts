import { describe, expect, test } from 'vitest';
import { findFrames, frameHeader, id3Bytes, promisedFrames } from '../../../src/audio/formats/mp3-header.ts';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { fixture, fixturePath } from '../../support/fixtures.ts';
import { openPiped, samplesOf, temporaryFolder } from '../wav-bytes.ts';

const clip = fixture('espeak-en.mp3');
const frameBytes = 180; // 40 kbit/s at 16 kHz
const nFrames = clip.length / frameBytes;

async function read(bytes: Uint8Array, path?: string) {
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const audio = path === undefined ? await openPiped(bytes, { onWarning }) : await openAudio(path, { onWarning });
  return { samples: await samplesOf(audio), durationSeconds: audio.durationSeconds, warnings };
}

/** Signal to noise in decibels. */
function snr(signal: Float32Array, other: Float32Array): number {
  let [power, noise] = [0, 0];
  for (const [i, x] of signal.entries()) {
    power += x * x;
    noise += (x - (other[i] ?? 0)) ** 2;
  }
  return 10 * Math.log10(power / noise);
}

test('a clip sounds like the WAV it was made from, at the same places and as long', async () => {
  const wav = await samplesOf(await openAudio('samples/espeak-en-16k.wav'));
  const { samples, warnings } = await read(clip, fixturePath('espeak-en.mp3'));
  expect(samples.length).toBe(wav.length);
  expect(snr(wav, samples)).toBeGreaterThan(15); // a shift by one sample makes 9 of it
  expect(warnings).toEqual([]);
});

describe('a frame header', () => {
  const header = (hex: string) => frameHeader(Buffer.from(hex, 'hex'), 0);

  // Of the MPEG standards' own tables.
  test.each([
    ['fffb9064', { version: 1, layer: 3, sampleRate: 44_100, nChannels: 2, frameBytes: 417, nSamples: 1152 }],
    ['fffb9264', { version: 1, layer: 3, sampleRate: 44_100, nChannels: 2, frameBytes: 418, nSamples: 1152 }],
    ['fffbe8c4', { version: 1, layer: 3, sampleRate: 32_000, nChannels: 1, frameBytes: 1440, nSamples: 1152 }],
    ['fff354c4', { version: 2, layer: 3, sampleRate: 24_000, nChannels: 1, frameBytes: 120, nSamples: 576 }],
    ['ffe348c4', { version: 2.5, layer: 3, sampleRate: 8000, nChannels: 1, frameBytes: 288, nSamples: 576 }],
    ['fffda404', { version: 1, layer: 2, sampleRate: 48_000, nChannels: 2, frameBytes: 576, nSamples: 1152 }],
    ['ffff6404', { version: 1, layer: 1, sampleRate: 48_000, nChannels: 2, frameBytes: 192, nSamples: 384 }],
  ])('%s', (hex, expected) => {
    expect(header(hex)).toEqual(expected);
  });

  test.each([
    ['no sync', 'fe fb9064'],
    ['a reserved version', 'ffeb9064'],
    ['a reserved layer', 'fff99064'],
    ['a reserved rate', 'fffb9c64'],
    ['no such bit rate', 'fffbf064'],
    ['free format', 'fffb0064'],
    ['not all of it', 'fffb90'],
  ])('is none: %s', (_, hex) => {
    expect(header(hex.replace(' ', ''))).toBeUndefined();
  });

  test('alone proves nothing', () => {
    const junk = Buffer.concat([Buffer.from('x'), clip.subarray(0, 4), Buffer.alloc(1000)]);
    expect(findFrames(junk, 2)).toBeUndefined();
    expect(findFrames(Buffer.concat([junk, clip]), 3)).toBe(junk.length);
  });

  test('with a table behind it says how many frames there are', () => {
    const first = frameHeader(clip, 0)!;
    expect(promisedFrames(clip, first)).toBe(nFrames - 1);
    const vbri = Buffer.alloc(180);
    vbri.write('VBRI', 36);
    vbri.writeUInt32BE(77, 50);
    expect(promisedFrames(vbri, first)).toBe(77);
    expect(promisedFrames(Buffer.alloc(180), first)).toBeUndefined();
  });

  test('an ID3 tag tells its size, seven bits a byte', () => {
    expect(id3Bytes(Buffer.from('ID3\x04\0\0\0\0\x01\x02'))).toBe(140);
    expect(id3Bytes(Buffer.from('ID3\x04\0\x10\0\0\x01\x02'))).toBe(150);
    expect(id3Bytes(Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0x80, 0, 0, 1]))).toBe(0);
    expect(id3Bytes(Buffer.from('ID3\x04'))).toBe(0);
  });
});

describe('around the frames there may be', () => {
  test('junk before and tags behind', async () => {
    const expected = await read(clip);
    const junk = Buffer.alloc(30_000, 'RIFX nothing in particular \xff\xfb\x90\x64', 'latin1').subarray(4);
    expect(await read(Buffer.concat([junk, clip, Buffer.from('TAG'), Buffer.alloc(125)]))).toEqual(expected);
  });

  test('ID3 tags of megabytes', async () => {
    const tag = (nBytes: number) =>
      Buffer.concat([
        Buffer.from('ID3\x03\0\0'),
        Buffer.from([21, 14, 7, 0].map((shift) => (nBytes >> shift) & 0x7f)),
        Buffer.alloc(nBytes, '\xff\xfb\x90\x64', 'latin1'),
      ]);
    expect(await read(Buffer.concat([tag(3_000_000), tag(10), clip]))).toEqual(await read(clip));
  });

  test('a tag that claims more than the file holds', async () => {
    using folder = temporaryFolder();
    const liar = Buffer.from('ID3\x03\0\0\x7f\x7f\x7f\x7f');
    const path = folder.write('a.wav', Buffer.concat([liar, Buffer.alloc(1000), clip]));
    expect((await read(Buffer.alloc(0), path)).samples).toEqual((await read(clip)).samples);
    await expect(read(liar)).rejects.toMatchObject({ code: 'AUDIO_EMPTY' });
  });
});

describe('what was put together or cut', () => {
  test('two files are read one after the other, each with its tags', async () => {
    const one = await read(clip);
    const tagged = Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\0\x05'), Buffer.alloc(5), clip]);
    const both = await read(Buffer.concat([clip, tagged]));
    expect(both.samples.subarray(0, one.samples.length)).toEqual(one.samples);
    // The second encoder's delay stays in.
    expect(both.samples.length - 2 * one.samples.length).toBeLessThan(16_000 / 5);
    expect(both.samples.length).toBeGreaterThan(2 * one.samples.length);
    expect(both.warnings).toEqual([]);
  });

  test('the end cut off: what is there, and a warning', async () => {
    const { samples, warnings } = await read(clip.subarray(0, clip.length / 2));
    expect(samples.length).toBeGreaterThan(40_000);
    expect(warnings).toEqual([expect.stringMatching(/^stdin is cut short: its header says 5.69 s, it holds 2.8\d s$/)]);
  });

  test('bytes lost or put in within: the frames around, and one warning', async () => {
    const hole = Buffer.concat([clip.subarray(0, 10_000), clip.subarray(11_000)]);
    const { samples, warnings } = await read(hole);
    expect(samples.length).toBeGreaterThan(89_652 - 8 * 576);
    expect(warnings).toEqual([expect.stringMatching(/^stdin is damaged: \d+ bytes between its frames are no sound/)]);
  });

  test('one frame and less', async () => {
    expect((await read(clip.subarray(0, 5 * frameBytes))).samples.length).toBeGreaterThan(576);
    await expect(read(clip.subarray(0, frameBytes - 1))).rejects.toMatchObject({ code: 'AUDIO_DAMAGED' });
  });

  test('nothing is printed by the decoder itself', async () => {
    const noise = Buffer.from(clip);
    for (let frame = 0; frame < nFrames; frame++)
      for (let i = 4; i < frameBytes; i++) noise[frame * frameBytes + i] = (i * i * 7 + frame) & 0xff;
    const { error } = console;
    const printed: unknown[] = [];
    console.error = (...args) => printed.push(...args);
    try {
      await read(noise);
    } finally {
      console.error = error;
    }
    expect(printed).toEqual([]);
  });
});
