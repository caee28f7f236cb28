import { describe, expect, test } from 'vitest';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { openPiped, samplesOf, temporaryFolder } from '../wav-bytes.ts';
import { cafBytes } from './caf-bytes.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const read = async (bytes: Uint8Array) => [...(await samplesOf(await openPiped(bytes)))];

describe('a CAF is read without ffmpeg', () => {
  test.each<[number, number, string]>([
    [1, 0, '40 80'],
    [2, 0, '4000 8000'],
    [3, 0, '400000 800000'],
    [4, 0, '40000000 80000000'],
    [4, 1, '3f000000 bf800000'],
    [8, 1, '3fe0000000000000 bff0000000000000'],
    [2, 2, '0040 0080'],
    [3, 2, '000040 000080'],
    [4, 2, '00000040 00000080'],
    [4, 3, '0000003f 000080bf'],
    [8, 3, '000000000000e03f 000000000000f0bf'],
  ])('%i bytes, flags %i', async (sampleBytes, flags, samples) => {
    expect(await read(cafBytes({ sampleBytes, flags, data: hex(samples) }))).toEqual([0.5, -1]);
  });

  test('A-law and mu-law', async () => {
    const data = hex('00');
    expect((await read(cafBytes({ codec: 'alaw', sampleBytes: 1, data })))[0]).toBeCloseTo(-5504 / 0x8000, 6);
    expect((await read(cafBytes({ codec: 'ulaw', sampleBytes: 1, data })))[0]).toBeCloseTo(-32124 / 0x8000, 6);
  });

  test('each channel', async () => {
    const bytes = cafBytes({ nChannels: 2, data: hex('4000 2000') });
    expect([...(await samplesOf(await openPiped(bytes, { channel: 'right' })))]).toEqual([0.25]);
  });

  test('to its end where its writer wrote to a pipe', async () => {
    expect(await read(cafBytes({ data: hex('4000'), dataSize: -1n }))).toEqual([0.5]);
  });

  test('that is cut short is refused', async () => {
    using folder = temporaryFolder();
    const path = folder.write('a.caf', cafBytes({ data: Buffer.alloc(32_000) }).subarray(0, 20_000));
    await expect(openAudio(path)).rejects.toMatchObject({ code: 'AUDIO_TRUNCATED' });
  });
});

test.each<[string, Buffer]>([
  ['compressed', cafBytes({ codec: 'alac', data: Buffer.alloc(34) })],
  ['of floats of an unknown size', cafBytes({ flags: 1, data: hex('4000') })],
  ['of no channels', cafBytes({ nChannels: 0, data: hex('4000') })],
  ['of no sane rate', cafBytes({ data: hex('4000') }).fill(0xff, 20, 28)],
  ['cut before its samples', cafBytes({ data: hex('4000') }).subarray(0, 40)],
])('a CAF %s is left to ffmpeg', async (_, bytes) => {
  await expect(openPiped(bytes)).rejects.toMatchObject({
    code: 'AUDIO_NEEDS_FFMPEG',
    message: expect.stringMatching(/^stdin is CAF, /),
  });
});
