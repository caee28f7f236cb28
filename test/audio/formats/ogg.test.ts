import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { streamSource } from '../../../src/audio/byte-source.ts';
import { openOgg } from '../../../src/audio/formats/ogg.ts';
import { createPacketAssembler } from '../../../src/audio/formats/ogg-packets.ts';
import { type OggPage, oggPages } from '../../../src/audio/formats/ogg-pages.ts';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { PeekSource } from '../../../src/audio/peek-source.ts';
import { fixture, fixturePath } from '../../support/fixtures.ts';
import { concatenate, openPiped, samplesOf } from '../wav-bytes.ts';
import { flacBytes } from './flac-bytes.ts';
import { pageBytes, relabelled, splitPages, streamBytes } from './ogg-bytes.ts';

const opus = fixture('espeak-en.opus');
const vorbis = fixture('espeak-en.ogg');

async function read(bytes: Uint8Array) {
  const warnings: string[] = [];
  const audio = await openPiped(bytes, { onWarning: (message) => warnings.push(message) });
  return { samples: await samplesOf(audio), warnings };
}

/** Signal to noise in decibels, after the best single gain. */
function snr(signal: Float32Array, other: Float32Array): number {
  let [power, noise] = [0, 0];
  for (const [i, x] of signal.entries()) {
    power += x * x;
    noise += (x - (other[i] ?? 0)) ** 2;
  }
  return 10 * Math.log10(power / noise);
}

describe.each(['opus', 'ogg'])('a clip as .%s', (extension) => {
  test('sounds like the WAV it was made from, at the same places and as long', async () => {
    const wav = await samplesOf(await openAudio('samples/espeak-en-16k.wav'));
    await using audio = await openAudio(fixturePath(`espeak-en.${extension}`));
    expect(audio.durationSeconds).toBeCloseTo(wav.length / 16_000, 4);
    const samples = await samplesOf(audio);
    expect(samples.length).toBe(wav.length);
    expect(snr(wav, samples)).toBeGreaterThan(3); // a shift by two samples makes less than nothing of it
  });
});

/** An Ogg FLAC file of ramps, a packet for each frame of 4 samples. */
function oggFlac(values: readonly number[], serial = 1, granules?: readonly bigint[], isEnded = true): Buffer[] {
  const flac = flacBytes([[...values]], 4, {
    bitsPerSample: 16,
    sampleRate: 16_000,
    stereo: 'independent',
    subframe: { type: 'verbatim' },
    wastedBits: 0,
  });
  const head = Buffer.concat([Buffer.from('\x7fFLAC\x01\0\0\x01', 'latin1'), flac.subarray(0, 42)]);
  const comment = Buffer.of(0x84, 0, 0, 0);
  const frames: Buffer[] = [];
  for (let start = flac.indexOf(0xff, 42); start < flac.length; ) {
    const next = flac.indexOf(Buffer.of(0xff, 0xf8), start + 2);
    frames.push(flac.subarray(start, next < 0 ? flac.length : next));
    start = next < 0 ? flac.length : next;
  }
  const ends = frames.map((_, i) => BigInt(Math.min(values.length, 4 * (i + 1))));
  return streamBytes([head, comment, ...frames], [0n, 0n, ...(granules ?? ends)], serial, { isEnded });
}

const ramp = (length: number, from = 1) => Array.from({ length }, (_, i) => (from + i) * 256);
const floats = (values: readonly number[]) => Float32Array.from(values, (x) => x / 2 ** 15);

describe('streams', () => {
  test('of FLAC are read', async () => {
    expect(await read(Buffer.concat(oggFlac(ramp(10))))).toEqual({ samples: floats(ramp(10)), warnings: [] });
  });

  test('that are chained follow one another, whatever their codecs', async () => {
    const chain = [oggFlac(ramp(10), 1), splitPages(opus), oggFlac(ramp(6, 50), 1), splitPages(vorbis)].flat();
    const { samples, warnings } = await read(Buffer.concat(chain));
    const parts = [(await read(opus)).samples, (await read(vorbis)).samples];
    expect(samples).toEqual(concatenate([floats(ramp(10)), parts[0]!, floats(ramp(6, 50)), parts[1]!]));
    expect(warnings).toEqual([]);
  });

  test('that are interleaved: the first of sound is taken, and another one told of', async () => {
    const video = streamBytes([Buffer.from('\x80theora'), ...Array(4).fill(Buffer.alloc(50))], [], 9);
    const first = oggFlac(ramp(10), 1);
    const second = oggFlac(ramp(10, 60), 2);
    const pages = [video[0]!, first[0]!, second[0]!];
    for (let i = 1; i < 5; i++) pages.push(second[i]!, video[i]!, first[i]!);
    expect(await read(Buffer.concat(pages))).toEqual({
      samples: floats(ramp(10)),
      warnings: ['stdin has several streams of sound: the first is read, --track reads another one'],
    });
    const besideVideo = [video[0]!, first[0]!, ...video.slice(1), ...first.slice(1)];
    expect(await read(Buffer.concat(besideVideo))).toEqual({ samples: floats(ramp(10)), warnings: [] });
  });

  test('end where their last page says, counted from where their first does', async () => {
    expect((await read(Buffer.concat(oggFlac(ramp(12), 1, [4n, 8n, 9n])))).samples).toEqual(floats(ramp(9)));
    expect((await read(Buffer.concat(oggFlac(ramp(12), 1, [1004n, 1008n, 1010n])))).samples).toEqual(floats(ramp(10)));
    expect((await read(Buffer.concat(oggFlac(ramp(3), 1, [2n])))).samples).toEqual(floats(ramp(2)));
  });

  test('without an end are read, with a warning', async () => {
    expect(await read(Buffer.concat(oggFlac(ramp(8), 1, undefined, false)))).toEqual({
      samples: floats(ramp(8)),
      warnings: ['stdin has no end mark: it may be cut short'],
    });
  });

  test('may hold no sound at all', async () => {
    const [head, comment] = splitPages(opus);
    const empty = pageBytes([], { serial: head!.readUInt32LE(14), sequence: 2, isLast: true });
    expect(await read(Buffer.concat([head!, comment!, empty]))).toEqual({ samples: new Float32Array(0), warnings: [] });
  });
});

describe('damage', () => {
  test('junk between pages is passed over', async () => {
    const junk = Buffer.from('OggS OggSOggS\0 no page');
    const pages = splitPages(vorbis).flatMap((page, i) => (i === 3 ? [page, junk] : [page]));
    const { samples, warnings } = await read(Buffer.concat(pages));
    expect(samples).toEqual((await read(vorbis)).samples);
    expect(warnings).toHaveLength(1);
  });

  test.each([
    ['Opus', opus],
    ['Vorbis', vorbis],
  ])('a page of %s that fails its checksum is left out, with one warning', async (_, bytes) => {
    const pages = splitPages(bytes);
    const bad = Buffer.from(pages[4]!);
    bad[100]! ^= 1;
    const { samples, warnings } = await read(Buffer.concat(pages.with(4, bad)));
    const whole = (await read(bytes)).samples;
    expect(samples.length).toBeGreaterThan(whole.length / 2);
    expect(samples.length).toBeLessThan(whole.length);
    expect(warnings).toEqual([expect.stringMatching(/^stdin is damaged: a page fails its checksum/)]);
  });

  test('packets of noise under good checksums', async () => {
    for (const bytes of [opus, vorbis]) {
      const pages = splitPages(bytes).map((page, i) => {
        if (i < 3) return page;
        const noise = Buffer.from(page);
        for (let at = 300; at < noise.length; at++) noise[at] = (at * at * 31 + i) & 0xff;
        return relabelled(noise, {});
      });
      const { samples } = await read(Buffer.concat(pages));
      expect(samples.every((x) => Math.abs(x) <= 1)).toBe(true);
    }
  });

  test('headers of noise under good checksums are an error', async () => {
    const pages = splitPages(vorbis);
    const setup = Buffer.from(pages[1]!);
    for (let at = 400; at < setup.length; at++) setup[at] = (at * 77) & 0xff;
    await expect(read(Buffer.concat(pages.with(1, relabelled(setup, {}))))).rejects.toMatchObject({
      code: 'AUDIO_DAMAGED',
    });
    const head = Buffer.from(splitPages(opus)[0]!);
    head[28 + 18] = 1; // a channel mapping that is not there
    head[28 + 9] = 50;
    await expect(read(Buffer.concat([relabelled(head, {}), ...splitPages(opus).slice(1)]))).rejects.toMatchObject({
      code: 'AUDIO_DAMAGED',
    });
  });

  test('the beginning lost is an error', async () => {
    await expect(read(Buffer.concat(splitPages(opus).slice(1)))).rejects.toMatchObject({ code: 'AUDIO_NEEDS_FFMPEG' });
    const bad = Buffer.from(opus);
    bad[40]! ^= 1;
    await expect(read(bad)).rejects.toMatchObject({ code: 'AUDIO_DAMAGED' });
  });
});

describe('packets', () => {
  test('of silence, thousands of seconds of it in one page, come a few at a time', async () => {
    const nChannels = 32;
    const mapping = [nChannels, 0, ...Array.from({ length: nChannels }, (_, i) => i)];
    const head = Buffer.concat([
      Buffer.from('OpusHead'),
      Buffer.of(1, nChannels, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 1, ...mapping),
    ]);
    // Two frames of 60 ms without content, in RFC 6716's form for all streams but the last one to say how long they are.
    const packet = Buffer.concat([...Array<Uint8Array>(nChannels - 1).fill(Buffer.of(0x19, 0)), Buffer.of(0x19)]);
    const packets = Array<Uint8Array>(100).fill(packet);
    const bytes = Buffer.concat([
      pageBytes([head], { isFirst: true }),
      pageBytes([Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(8)])], { sequence: 1 }),
      pageBytes(packets, { sequence: 2, granule: 576_000n, isLast: true }),
    ]);
    const source = new PeekSource(streamSource('stdin', Readable.from([bytes])));
    await using audio = await openOgg({ source, warn: () => undefined });
    let nSamples = 0;
    for await (const { channels } of audio.blocks) {
      expect(channels[0]?.length).toBeLessThanOrEqual(2 * 1920);
      nSamples += channels[0]?.length ?? 0;
    }
    expect(nSamples).toBe(12 * 16_000);
  });

  const pagesOf = async (bytes: Uint8Array): Promise<OggPage[]> => {
    const source = new PeekSource(streamSource('stdin', Readable.from([bytes])));
    const pages: OggPage[] = [];
    for await (const page of oggPages(source, () => undefined))
      pages.push({ ...page, segments: page.segments.map((segment) => segment.slice()) });
    return pages;
  };

  test('of any size come through pages of any size', async () => {
    const sizes = fc.array(fc.oneof(fc.nat(600), fc.constantFrom(0, 254, 255, 256, 510, 65_025, 70_000)), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 255 }), async (packetBytes, lacesPerPage) => {
        const packets = packetBytes.map((length, i) => Buffer.alloc(length, i + 1));
        const laces = packets.flatMap((packet) =>
          Array.from({ length: Math.floor(packet.length / 255) + 1 }, (_, i) =>
            packet.subarray(255 * i, 255 * (i + 1)),
          ),
        );
        const pages: Buffer[] = [];
        let isContinued = false;
        for (let start = 0; start < laces.length; start += lacesPerPage) {
          const part = laces.slice(start, start + lacesPerPage);
          // Laces of 255 bytes belong to the packet that the next one ends.
          const joined: Buffer[] = [];
          let isOpen = false;
          for (const lace of part) {
            if (isOpen) joined.push(Buffer.concat([joined.pop() ?? lace, lace]));
            else joined.push(lace);
            isOpen = lace.length === 255;
          }
          pages.push(pageBytes(joined, { sequence: pages.length, isContinued, isOpen }));
          isContinued = isOpen;
        }
        const assembler = createPacketAssembler(() => expect.unreachable());
        const read = (await pagesOf(Buffer.concat(pages))).flatMap((page) => assembler.push(page));
        expect(read.map(({ length }) => length)).toEqual(packetBytes);
        expect(Buffer.concat(read).equals(Buffer.concat(packets))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('that lost their beginning with a page are dropped, the next ones not', async () => {
    const pages = [
      pageBytes([Buffer.alloc(255, 1)], { sequence: 0, isOpen: true }),
      pageBytes([Buffer.alloc(255, 2)], { sequence: 1, isContinued: true, isOpen: true }),
      pageBytes([Buffer.from('end'), Buffer.from('whole')], { sequence: 2, isContinued: true }),
    ];
    let nGaps = 0;
    const assembler = createPacketAssembler(() => nGaps++);
    const kept = await pagesOf(Buffer.concat([pages[0]!, pages[2]!]));
    expect(kept.flatMap((page) => assembler.push(page).map(String))).toEqual([String(Buffer.from('whole'))]);
    expect(nGaps).toBe(1);
  });
});
