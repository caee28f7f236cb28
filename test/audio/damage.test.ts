import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { crc32 } from '../../src/audio/formats/crc.ts';
import { openAudio } from '../../src/audio/open-audio.ts';
import { AudioError } from '../../src/errors.ts';
import { fixture } from '../support/fixtures.ts';
import { splitPages } from './formats/ogg-bytes.ts';
import { noFfmpeg, openPiped, temporaryFolder } from './wav-bytes.ts';

/** The first second of a clip or so: what matters stands at its beginning. */
const clips = {
  mp3: fixture('espeak-en.mp3').subarray(0, 6000),
  flac: fixture('espeak-en.flac').subarray(0, 20_000),
  vorbis: fixture('espeak-en.ogg').subarray(0, 12_000),
  opus: fixture('espeak-en.opus').subarray(0, 5000),
};

type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'fill'; readonly at: number; readonly length: number; readonly byte: number }
  | { readonly kind: 'cut' | 'insert' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'end'; readonly at: number };

/** Where: anywhere, or among the headers. */
const at = fc.oneof(fc.nat(400), fc.nat(20_000));
const length = fc.oneof(fc.nat(20), fc.nat(5000));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('fill' as const), at, length, byte: fc.constantFrom(0, 0xff, 0x4f, 0x49) }),
  fc.record({ kind: fc.constantFrom('cut', 'insert', 'repeat'), at, length }),
  fc.record({ kind: fc.constant('end' as const), at }),
);

function changed(bytes: Buffer, c: Change): Buffer {
  const place = c.at % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (c.kind) {
    case 'flip':
      return Buffer.concat([before, after.subarray(0, 1).map((byte) => byte ^ (1 << c.bit)), after.subarray(1)]);
    case 'fill':
      return Buffer.from(bytes).fill(c.byte, place, Math.min(bytes.length, place + c.length));
    case 'cut':
      return Buffer.concat([before, after.subarray(c.length)]);
    case 'insert':
      return Buffer.concat([
        before,
        Buffer.from(Array.from({ length: c.length }, (_, i) => (i * i * 37) & 0xff)),
        after,
      ]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, c.length), after]);
    case 'end':
      return before;
  }
}

function damaged(original: Buffer, changes: readonly Change[]): Buffer {
  return changes.reduce(changed, original);
}

/** Makes the checksums of all pages right again, so that the damage gets further in. */
function resealed(bytes: Buffer): Buffer {
  const pages = splitPages(Buffer.from(bytes));
  for (const page of pages) {
    if (page.length < 27) continue;
    page.writeUInt32LE(0, 22);
    page.writeUInt32LE(crc32(page, 0, page.length), 22);
  }
  return Buffer.concat(pages);
}

describe('damaged in any way, there are samples or an AudioError', () => {
  const printed: unknown[] = [];
  const { error } = console;
  beforeEach(() => {
    printed.length = 0;
    console.error = (...args) => printed.push(...args);
  });
  afterEach(() => {
    console.error = error;
  });

  async function readAny(bytes: Uint8Array): Promise<void> {
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const drain = async (open: () => ReturnType<typeof openAudio>) => {
      await using audio = await open();
      for await (const block of audio.samples)
        for (const x of block) if (!(Math.abs(x) <= 1)) throw new Error(`sample ${x}`);
    };
    using folder = temporaryFolder();
    const path = folder.write('a', bytes);
    const ways = [() => openPiped(bytes, { onWarning }), () => openAudio(path, { onWarning, ffmpeg: noFfmpeg })];
    for (const open of ways)
      await drain(open).catch((reason: unknown) => {
        if (!(reason instanceof AudioError)) throw reason;
      });
    // Of two readings: of streams there, of what is damaged, and of a missing end.
    expect(warnings.length).toBeLessThanOrEqual(6);
    expect(printed).toEqual([]);
  }

  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  test.each(Object.entries(clips))('%s', async (_, clip) => {
    const property = fc.asyncProperty(changes, (list) => readAny(damaged(clip, list)));
    await fc.assert(property, { numRuns: 60 });
  });

  test.each([
    ['vorbis', clips.vorbis],
    ['opus', clips.opus],
  ])('%s under good checksums', async (_, clip) => {
    const property = fc.asyncProperty(changes, (list) => readAny(resealed(damaged(clip, list))));
    await fc.assert(property, { numRuns: 60 });
  });

  test('one kind behind the head of another', async () => {
    for (const head of Object.values(clips))
      for (const tail of Object.values(clips))
        for (const cut of [4, 30, 200]) await readAny(Buffer.concat([head.subarray(0, cut), tail]));
  });
});
