import { readFileSync } from 'node:fs';
import { crc8, crc16, crc32 } from '../../src/audio/formats/crc.ts';
import { frameHeader } from '../../src/audio/formats/mp3-header.ts';
import { aiffBytes, aiffChunk } from '../audio/formats/aiff-bytes.ts';
import { cafBytes } from '../audio/formats/caf-bytes.ts';
import { type FrameOptions, fixedCoefficients, flacBytes, type Subframe } from '../audio/formats/flac-bytes.ts';
import { pageBytes, splitPages } from '../audio/formats/ogg-bytes.ts';
import { chunk, ds64, openPiped, wavBytes } from '../audio/wav-bytes.ts';
import { damaged } from './damage.ts';
import type { Draw } from './draw.ts';
import type { Target } from './target.ts';

/** The root of the project, from the compiled file. */
const root = new URL('../../../../', import.meta.url);
const clip = (name: string, sizeBytes: number) =>
  readFileSync(new URL(`test/fixtures/${name}`, root)).subarray(0, sizeBytes);

/** Reads a recording to its end, in pieces as a pipe gives them. */
async function listen(bytes: Uint8Array): Promise<void> {
  await using audio = await openPiped(bytes, {}, [bytes.length >> 3, bytes.length >> 1]);
  for await (const block of audio.samples) if (block.some(Number.isNaN)) throw new Error('a sample is not a number');
}

const samples = (count: number, draw: Draw) => {
  const [loudness, slowness] = [draw.pick([0, 1e-4, 0.1, 1, 4]), 1 + draw.below(50)];
  return Float32Array.from({ length: count }, (_, i) => loudness * Math.sin(i / slowness));
};

function wav(draw: Draw): Uint8Array {
  const nChannels = draw.pick([1, 1, 1, 2, 2, 3, 6, 8, 64, 65]);
  const nFrames = draw.length(nChannels > 8 ? 100 : 3000);
  const extra = () =>
    Array.from({ length: draw.below(3) }, () =>
      chunk(
        draw.pick(['LIST', 'fact', 'bext', 'JUNK', 'LIST', 'data', 'fmt ']),
        draw.bytes(draw.length(300)),
        draw.chance(0.05) ? draw.oddNumber(32) : undefined,
      ),
    );
  const isLong = draw.chance(0.1);
  const bytes = wavBytes({
    encoding: draw.pick(['u8', 's16', 's24', 's32', 'f32', 'f64'] as const),
    sampleRate: draw.pick([
      8000,
      11_025,
      16_000,
      44_100,
      48_000,
      384_000,
      draw.chance(0.3) ? draw.oddNumber(32) : 16_000,
    ]),
    channels: Array.from({ length: nChannels }, () => samples(nFrames, draw)),
    isExtensible: draw.chance(0.3),
    container: isLong ? 'RF64' : draw.chance(0.05) ? 'RIFX' : 'RIFF',
    chunksBefore: [...(isLong ? [ds64(BigInt(draw.oddNumber(32)) << BigInt(draw.below(32)))] : []), ...extra()],
    chunksAfter: extra(),
    ...(draw.chance(0.07) ? { riffSize: draw.oddNumber(32) } : {}),
    ...(draw.chance(0.07) ? { dataSize: draw.oddNumber(32) } : {}),
    ...(draw.chance(0.07) ? { formatTag: draw.pick([1, 2, 3, 6, 7, 17, 49, 85, 0xfffe, draw.oddNumber(16)]) } : {}),
    ...(draw.chance(0.07) ? { nChannels: draw.oddNumber(16), blockAlign: draw.oddNumber(16) } : {}),
    ...(draw.chance(0.07)
      ? { bitsPerSample: draw.pick([0, 1, 4, 8, 12, 16, 20, 24, 32, 64, draw.oddNumber(16)]) }
      : {}),
    ...(draw.chance(0.07) ? { blockAlign: draw.oddNumber(16) } : {}),
    ...(draw.chance(0.07) ? { formatChunk: draw.bytes(draw.below(60)) } : {}),
  });
  return draw.chance(0.3) ? damaged(bytes, draw) : bytes;
}

function subframe(draw: Draw): Subframe {
  const type = draw.pick(['constant', 'verbatim', 'fixed', 'lpc'] as const);
  if (type === 'constant' || type === 'verbatim') return { type };
  return {
    type,
    coefficients:
      type === 'fixed'
        ? fixedCoefficients(draw.below(5))
        : Array.from({ length: 1 + draw.below(32) }, () => draw.below(2 ** 15) - 2 ** 14),
    shift: type === 'fixed' ? 0 : draw.below(16),
    partitionOrder: 0,
    k: draw.chance(0.2) ? 'escape' : draw.below(15),
    longParameters: draw.chance(0.5),
  };
}

/** What stands beside the samples of a header of Apple's. */
function samplesOf(draw: Draw) {
  const dataSize = draw.oddNumber(32);
  const nChannels = draw.pick([0, 1, 1, 2, 3, 64, 65, draw.oddNumber(16)]);
  return { data: draw.bytes(draw.length(3000)), nChannels, dataSize: draw.chance(0.2) ? dataSize : undefined };
}

function aiff(draw: Draw): Uint8Array {
  const compression = draw.pick([
    undefined,
    'NONE',
    'sowt',
    'twos',
    'fl32',
    'fl64',
    'in24',
    'ulaw',
    'alaw',
    'raw ',
    'ima4',
  ]);
  const extra = () =>
    Array.from({ length: draw.below(3) }, () =>
      aiffChunk(
        draw.pick(['COMT', 'NAME', 'COMM', 'SSND']),
        draw.bytes(draw.length(300)),
        draw.chance(0.1) ? draw.oddNumber(32) : undefined,
      ),
    );
  const { dataSize, ...others } = samplesOf(draw);
  const bytes = aiffBytes({
    ...others,
    ...(compression === undefined ? {} : { compression }),
    ...(dataSize === undefined ? {} : { dataSize }),
    bits: draw.pick([0, 8, 12, 16, 24, 32, 64, draw.oddNumber(16)]),
    chunksBefore: extra(),
    chunksAfter: extra(),
  });
  return draw.chance(0.3) ? damaged(bytes, draw) : bytes;
}

function caf(draw: Draw): Uint8Array {
  const { dataSize, ...others } = samplesOf(draw);
  const bytes = cafBytes({
    ...others,
    ...(dataSize === undefined
      ? {}
      : { dataSize: draw.chance(0.3) ? -1n : BigInt(dataSize) << BigInt(draw.below(31)) }),
    codec: draw.pick(['lpcm', 'lpcm', 'lpcm', 'ulaw', 'alaw', 'aac ']),
    flags: draw.pick([0, 1, 2, 3, draw.oddNumber(32)]),
    sampleBytes: draw.pick([0, 1, 2, 3, 4, 8, draw.oddNumber(8)]),
  });
  return draw.chance(0.3) ? damaged(bytes, draw) : bytes;
}

function flac(draw: Draw): Uint8Array {
  const stereo = draw.pick(['independent', 'left-side', 'side-right', 'mid-side'] as const);
  const nChannels = stereo === 'independent' ? 1 + draw.below(8) : 2;
  const options: FrameOptions = {
    bitsPerSample: draw.pick([8, 12, 16, 20, 24]),
    sampleRate: draw.pick([8000, 16_000, 44_100, 1_048_575]),
    stereo,
    subframe: subframe(draw),
    wastedBits: 0,
  };
  const blockSize = draw.pick([1, 15, 16, 192, 1024]);
  const largest = 2 ** (options.bitsPerSample - 1) - 1;
  const isConstant = options.subframe.type === 'constant';
  const channels = Array.from({ length: nChannels }, () => {
    const value = draw.below(largest);
    return Array.from({ length: blockSize }, (_, i) =>
      isConstant ? value : Math.round(largest * Math.sin(i * value)),
    );
  });
  const whole = flacBytes(channels, blockSize, options);
  const [head, frame] = [whole.subarray(0, 42), whole.subarray(42)];
  const frames = Array.from({ length: 1 + draw.length(12) }, () =>
    resealedFrame(draw.chance(0.7) ? damaged(frame, draw) : frame, draw),
  );
  const info = Buffer.from(head);
  if (draw.chance(0.4)) info.writeUInt16BE(draw.oddNumber(16), 8 + 2 * draw.below(2));
  if (draw.chance(0.3)) info.writeUIntBE(draw.oddNumber(24), 12 + 3 * draw.below(2), 3);
  if (draw.chance(0.3)) info[18 + draw.below(8)] = draw.oddNumber(8);
  const blocks = Array.from({ length: draw.chance(0.3) ? draw.below(4) : 0 }, () => {
    const body = draw.bytes(draw.length(400));
    const size = draw.chance(0.2) ? draw.oddNumber(24) : body.length;
    return Buffer.concat([Buffer.of(draw.below(128), size >> 16, (size >> 8) & 0xff, size & 0xff), body]);
  });
  if (blocks.length > 0) info[4] = 0; // STREAMINFO is not the last block then
  if (blocks.length > 0) blocks[blocks.length - 1] = Buffer.concat([Buffer.of(0x84, 0, 0, 4), draw.bytes(4)]);
  return Buffer.concat([info, ...blocks, ...frames]);
}

/** Both checksums of a frame made right, its header's length being that of a small frame number. */
function resealedFrame(frame: Uint8Array, draw: Draw): Buffer {
  const copy = Buffer.from(frame);
  if (copy.length < 12) return copy;
  if (draw.chance(0.8)) copy.writeUInt16BE(0xfff8 + draw.below(2), 0);
  if (draw.chance(0.3)) copy[2] = draw.oddNumber(8);
  if (draw.chance(0.3)) copy[3] = draw.oddNumber(8) & 0xfe;
  const code = (copy[2] ?? 0) >> 4;
  const rate = (copy[2] ?? 0) & 15;
  const end = 5 + (code === 6 ? 1 : code === 7 ? 2 : 0) + (rate === 12 ? 1 : rate === 13 || rate === 14 ? 2 : 0);
  copy[4] = (copy[4] ?? 0) & 0x7f;
  copy[end] = crc8(copy, 0, end);
  const crc = crc16(copy, 0, copy.length - 2);
  copy.writeUInt16BE(crc, copy.length - 2);
  return copy;
}

const oggClips = { opus: clip('espeak-en.opus', 6000), vorbis: clip('espeak-en.ogg', 14_000) };

/** Pages of a clip with damaged packets, flags and positions, under good checksums. */
function ogg(bytes: Buffer): (draw: Draw) => Uint8Array {
  const pages = splitPages(bytes).slice(0, -1); // the last one is cut short
  return (draw) => {
    const changed = pages.map((page) => (draw.chance(0.4) ? changedPage(page, draw) : page));
    for (let moves = draw.below(3); moves > 0; moves--) {
      const [from, to] = [draw.below(changed.length), draw.below(changed.length)];
      if (draw.chance(0.5)) changed.splice(to, 0, changed[from] as Buffer);
      else if (from > 1) changed.splice(from, 1);
    }
    const all = Buffer.concat(changed.map(resealedPage));
    return draw.chance(0.2) ? damaged(all, draw) : all;
  };
}

function changedPage(page: Buffer, draw: Draw): Buffer {
  const nLaces = page[26] ?? 0;
  const body = 27 + nLaces;
  if (draw.chance(0.3))
    return pageBytes(
      Array.from({ length: draw.below(20) }, () => draw.bytes(draw.length(600))),
      {
        serial: page.readUInt32LE(14),
        sequence: page.readUInt32LE(18),
        granule: BigInt(draw.oddNumber(32)),
        isContinued: draw.chance(0.3),
      },
    );
  const copy = Buffer.from(page);
  if (draw.chance(0.2)) copy[5] = draw.below(8);
  if (draw.chance(0.3)) copy.writeBigUInt64LE((BigInt(draw.oddNumber(32)) << 32n) + BigInt(draw.oddNumber(32)), 6);
  if (draw.chance(0.1)) copy.writeUInt32LE(draw.oddNumber(32), 14);
  if (draw.chance(0.1)) copy.writeUInt32LE(draw.oddNumber(32), 18);
  // Lengths of packets may change places: their sum stays.
  if (nLaces > 1 && draw.chance(0.2)) copy.subarray(27, body).sort(() => draw.below(3) - 1);
  for (let left = draw.below(12); left > 0 && copy.length > body; left--)
    copy[body + (draw.chance(0.4) ? draw.below(Math.min(40, copy.length - body)) : draw.below(copy.length - body))] =
      draw.oddNumber(8);
  return copy;
}

function resealedPage(page: Buffer): Buffer {
  const copy = Buffer.from(page);
  if (copy.length < 27) return copy;
  copy.writeUInt32LE(0, 22);
  copy.writeUInt32LE(crc32(copy, 0, copy.length), 22);
  return copy;
}

const mp3Frames = framesOf(clip('espeak-en.mp3', 6000));

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = frameHeader(bytes, at);
    if (header === undefined) at++;
    else {
      frames.push(bytes.subarray(at, at + header.frameBytes));
      at += header.frameBytes;
    }
  }
  return frames;
}

/** Frames whose headers stay frames' headers, while all else in them may be damaged. */
function mp3(draw: Draw): Uint8Array {
  const frames = mp3Frames.slice(0, 1 + draw.below(mp3Frames.length)).map((frame) => {
    if (draw.chance(0.5)) return frame;
    const copy = Buffer.from(frame);
    for (let left = 1 + draw.below(10); left > 0; left--) copy[4 + draw.below(copy.length - 4)] = draw.oddNumber(8);
    if (draw.chance(0.2)) copy[3] = draw.oddNumber(8);
    if (draw.chance(0.1)) copy[2] = draw.oddNumber(8);
    return copy;
  });
  for (let moves = draw.below(3); moves > 0; moves--) {
    const frame = draw.pick(frames);
    frames.splice(draw.below(frames.length), draw.below(2), frame);
  }
  const size = draw.length(500);
  const tag = Buffer.concat([
    Buffer.from('ID3'),
    Buffer.of(4, 0, draw.below(256), 0, 0, size >> 7, size & 0x7f),
    draw.bytes(draw.chance(0.8) ? size : draw.length(600)),
  ]);
  const all = Buffer.concat([...(draw.chance(0.3) ? [tag] : []), ...frames]);
  return draw.chance(0.3) ? damaged(all, draw) : all;
}

export const audioTargets: readonly Target[] = [
  { name: 'wav', cost: 'cheap', make: wav, read: listen },
  { name: 'aiff', cost: 'cheap', make: aiff, read: listen },
  { name: 'caf', cost: 'cheap', make: caf, read: listen },
  { name: 'flac', cost: 'decoder', make: flac, read: listen },
  { name: 'mp3', cost: 'decoder', make: mp3, read: listen },
  { name: 'opus', cost: 'decoder', make: ogg(oggClips.opus), read: listen },
  { name: 'vorbis', cost: 'decoder', make: ogg(oggClips.vorbis), read: listen },
];
