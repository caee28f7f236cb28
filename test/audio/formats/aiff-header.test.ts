import { describe, expect, test } from 'vitest';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { openPiped, samplesOf, temporaryFolder } from '../wav-bytes.ts';
import { aiffBytes, aiffChunk } from './aiff-bytes.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const read = async (bytes: Uint8Array) => [...(await samplesOf(await openPiped(bytes)))];

describe('an AIFF is read without ffmpeg', () => {
  test.each<[string, number, string | undefined, string]>([
    ['8 bits', 8, undefined, '40 80'],
    ['16 bits', 16, undefined, '4000 8000'],
    ['20 bits in 24', 20, undefined, '400000 800000'],
    ['24 bits', 24, undefined, '400000 800000'],
    ['32 bits', 32, 'NONE', '40000000 80000000'],
    ['big endian', 16, 'twos', '4000 8000'],
    ['little endian', 16, 'sowt', '0040 0080'],
    ['little endian, 24 bits', 24, 'sowt', '000040 000080'],
    ['float', 32, 'fl32', '3f000000 bf800000'],
    ['double', 64, 'FL64', '3fe0000000000000 bff0000000000000'],
    ['unsigned bytes', 8, 'raw ', 'c0 00'],
  ])('%s', async (_, bits, compression, samples) => {
    const bytes = aiffBytes({ bits, data: hex(samples), ...(compression === undefined ? {} : { compression }) });
    expect(await read(bytes)).toEqual([0.5, -1]);
  });

  test('A-law and mu-law, whatever size they name', async () => {
    for (const [compression, bytes, value] of [
      ['alaw', 'd5 55', 8 / 0x8000],
      ['ulaw', '00 80', -32124 / 0x8000],
    ] as const)
      expect((await read(aiffBytes({ compression, data: hex(bytes) })))[0]).toBeCloseTo(value, 6);
  });

  test('each channel, past other chunks before and behind', async () => {
    const others = [aiffChunk('NAME', Buffer.from('odd')), aiffChunk('COMT', Buffer.alloc(2000, 0x53))];
    const bytes = aiffBytes({ nChannels: 2, data: hex('4000 2000'), chunksBefore: others, chunksAfter: others });
    expect([...(await samplesOf(await openPiped(bytes, { channel: 'left' })))]).toEqual([0.5]);
    expect([...(await samplesOf(await openPiped(bytes, { channel: 'right' })))]).toEqual([0.25]);
  });

  test('to its end where its writer wrote to a pipe', async () => {
    for (const dataSize of [0, 0x7f000008])
      expect(await read(aiffBytes({ data: hex('4000'), dataSize }))).toEqual([0.5]);
  });

  test('a file that is cut short is refused, and a pipe is warned of', async () => {
    const bytes = aiffBytes({ data: Buffer.alloc(32_000) }).subarray(0, 20_000);
    using folder = temporaryFolder();
    await expect(openAudio(folder.write('a.aiff', bytes))).rejects.toMatchObject({ code: 'AUDIO_TRUNCATED' });
    const warnings: string[] = [];
    await samplesOf(await openPiped(bytes, { onWarning: (message) => warnings.push(message) }));
    expect(warnings).toEqual([expect.stringContaining('cut short')]);
  });
});

test.each<[string, Buffer]>([
  ['compressed', aiffBytes({ compression: 'ima4', data: Buffer.alloc(34) })],
  ['of no sane rate', aiffBytes({ data: hex('4000') }).fill(0, 28, 38)],
  ['cut before its samples', aiffBytes({ data: hex('4000') }).subarray(0, 40)],
  [
    'of nothing but chunks without content',
    Buffer.concat([aiffBytes({ data: hex('') }).subarray(0, 12), Buffer.alloc(9000)]),
  ],
])('an AIFF %s is left to ffmpeg', async (_, bytes) => {
  await expect(openPiped(bytes)).rejects.toMatchObject({
    code: 'AUDIO_NEEDS_FFMPEG',
    message: expect.stringMatching(/^stdin is AIFF, /),
  });
});
