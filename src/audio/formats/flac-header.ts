import { crc8 } from './crc.ts';
import { maxSampleRate, minSampleRate } from './pcm.ts';

/** What all frames of a FLAC stream share (RFC 9639 §8.2). */
export interface FlacStreamInfo {
  /** in Hz */
  readonly sampleRate: number;
  readonly nChannels: number;
  readonly bitsPerSample: number;
  /** by the encoder's word, 0 when it did not know */
  readonly largestFrameBytes: number;
  /** of each channel; undefined when the encoder did not know */
  readonly totalSamples: number | undefined;
}

/** Bytes of a STREAMINFO block. */
export const streamInfoBytes = 34;
/** A frame's header is no longer. */
export const maxHeaderBytes = 16;

/** @returns undefined where the block is none, or says what no recording is */
export function parseStreamInfo(block: Uint8Array): FlacStreamInfo | undefined {
  if (block.length < streamInfoBytes) return undefined;
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const packed = view.getUint32(10);
  const sampleRate = packed >>> 12;
  if (sampleRate < minSampleRate || sampleRate > maxSampleRate) return undefined;
  return {
    sampleRate,
    nChannels: ((packed >>> 9) & 7) + 1,
    bitsPerSample: ((packed >>> 4) & 31) + 1,
    largestFrameBytes: view.getUint32(6) & 0xffffff,
    totalSamples: (packed & 15) * 2 ** 32 + view.getUint32(14) || undefined,
  };
}

/** How two channels are stored as their difference and one of them, or their mean. */
export type StereoCoding = 'independent' | 'left-side' | 'side-right' | 'mid-side';

export interface FlacFrameHeader {
  /** samples of each channel */
  readonly blockSize: number;
  readonly nChannels: number;
  readonly stereo: StereoCoding;
  readonly headerBytes: number;
}

const stereoCodings: Readonly<Record<number, StereoCoding>> = { 8: 'left-side', 9: 'side-right', 10: 'mid-side' };
/** By code; 0 stands for the stream's. */
const sampleSizes = [0, 8, 12, undefined, 16, 20, 24, 32];

/**
 * Reads a frame's header (RFC 9639 §9.1).
 *
 * @param info a header that says anything else belongs to no frame of this stream
 * @returns undefined where none begins at `offset`, or not all of it is there
 */
export function parseFrameHeader(bytes: Uint8Array, offset: number, info: FlacStreamInfo): FlacFrameHeader | undefined {
  const [sync, strategy, sizes, layout, number] = bytes.subarray(offset, offset + 5);
  if (sync !== 0xff || strategy === undefined || (strategy & 0xfe) !== 0xf8) return undefined;
  if (sizes === undefined || layout === undefined || number === undefined || (layout & 1) !== 0) return undefined;

  // The number of the frame or sample, coded as UTF-8 codes characters; where frames lie is known without it.
  const numberBytes = number < 0x80 ? 1 : Math.clz32(~(number << 24));
  const sizeAt = offset + 4 + numberBytes;
  const [high = 0, low = 0] = bytes.subarray(sizeAt, sizeAt + 2);
  const sizeCode = sizes >> 4;
  const blockSize = blockSizeOf(sizeCode, high, low);
  const rateCode = sizes & 15;
  const rateBytes = rateCode === 12 ? 1 : rateCode === 13 || rateCode === 14 ? 2 : 0;
  const crcAt = sizeAt + (sizeCode === 6 ? 1 : sizeCode === 7 ? 2 : 0) + rateBytes;
  if (blockSize === undefined || rateCode === 15 || crcAt >= bytes.length) return undefined;
  if (crc8(bytes, offset, crcAt) !== bytes[crcAt]) return undefined;

  const channelCode = layout >> 4;
  const stereo = stereoCodings[channelCode] ?? 'independent';
  const nChannels = stereo === 'independent' ? channelCode + 1 : 2;
  const bits = sampleSizes[(layout >> 1) & 7];
  if (nChannels !== info.nChannels || (bits !== 0 && bits !== info.bitsPerSample)) return undefined;
  return { blockSize, nChannels, stereo, headerBytes: crcAt + 1 - offset };
}

function blockSizeOf(code: number, high: number, low: number): number | undefined {
  if (code === 0) return undefined;
  if (code === 1) return 192;
  if (code <= 5) return 144 * 2 ** code;
  if (code === 6) return high + 1;
  if (code === 7) return high * 256 + low + 1;
  return 2 ** code;
}
