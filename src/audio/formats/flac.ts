import { AudioError } from '../../errors.ts';
import type { PeekSource } from '../peek-source.ts';
import { createDamage, cutShortText, type DecodedAudio, type PcmBlock, type ReaderContext } from './decoded-audio.ts';
import { decodeFrame, maxFrameBytes } from './flac-frame.ts';
import {
  type FlacStreamInfo,
  maxHeaderBytes,
  parseFrameHeader,
  parseStreamInfo,
  streamInfoBytes,
} from './flac-header.ts';
import { createTrialBudget } from './trial-budget.ts';

const searchBytes = 65_536;

/**
 * Opens a native FLAC stream (RFC 9639) of up to 32 bits and 8 channels. Frames that fail their checksum are left out.
 *
 * @throws AudioError ('AUDIO_BAD_FORMAT') when its STREAMINFO is missing or makes no sense
 */
export async function openFlac(context: ReaderContext): Promise<DecodedAudio> {
  const { source } = context;
  const info = await readMetadata(source);
  if (info === undefined)
    throw new AudioError('AUDIO_BAD_FORMAT', `${source.name} has a damaged header: no STREAMINFO that makes sense`);
  const { nChannels, sampleRate, totalSamples } = info;
  return {
    nChannels,
    durationSeconds: totalSamples === undefined ? undefined : totalSamples / sampleRate,
    blocks: decodeFrames(context, info),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

function isFlac(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 4)) === 'fLaC';
}

/** Reads the blocks ahead of the first frame; pictures and the like are passed over. */
async function readMetadata(source: PeekSource): Promise<FlacStreamInfo | undefined> {
  await source.skip(4);
  let info: FlacStreamInfo | undefined;
  for (;;) {
    const block = await source.peek(4 + streamInfoBytes);
    const [flags, ...size] = block.subarray(0, 4);
    if (flags === undefined) break;
    const blockBytes = 4 + size.reduce((sum, byte) => sum * 256 + byte, 0);
    if ((flags & 0x7f) === 0) info ??= parseStreamInfo(block.subarray(4, blockBytes));
    if ((await source.skip(blockBytes)) < blockBytes || (flags & 0x80) !== 0) break;
  }
  return info;
}

async function* decodeFrames(context: ReaderContext, first: FlacStreamInfo): AsyncGenerator<PcmBlock> {
  const { source, warn } = context;
  const damage = createDamage(context);
  let info = first;
  const trials = createTrialBudget();
  let nSamples = 0;
  let nSamplesBefore = 0;
  let isInStep = true;
  for (;;) {
    const header = trials.isLeft ? parseFrameHeader(await source.peek(maxHeaderBytes), 0, info) : undefined;
    const frame = header && decodeFrame(await source.peek(maxFrameBytes(header, info)), header, info);
    if (frame !== undefined) {
      trials.earn(await source.skip(frame.nBytes));
      nSamples += header?.blockSize ?? 0;
      if (!isInStep) damage.note('a frame fails its checksum');
      isInStep = true;
      yield { channels: frame.channels, sampleRate: info.sampleRate };
      continue;
    }
    // Behind the last promised sample there may be another recording, joined to this one, or tags of other programs.
    const joined = isFlac(await source.peek(4)) ? await readMetadata(source) : undefined;
    if (joined !== undefined) {
      info = joined;
      nSamplesBefore += nSamples;
      nSamples = 0;
      continue;
    }
    if (nSamples >= (info.totalSamples ?? Number.POSITIVE_INFINITY)) break;
    if (header !== undefined) trials.spend(Math.max(header.blockSize * header.nChannels, maxFrameBytes(header, info)));
    const step = await bytesToNextHeader(source, info);
    if (step === undefined) break;
    isInStep = false;
    trials.earn(await source.skip(step));
  }
  const { totalSamples = nSamples, sampleRate } = info;
  if (nSamples > 0 && nSamples < totalSamples)
    warn(cutShortText(source.name, totalSamples / sampleRate, nSamples / sampleRate));
  if (nSamples === 0 && (!isInStep || totalSamples > 0)) damage.note('no frame passes its checksum');
  damage.report(nSamplesBefore + nSamples > 0);
}

/** @returns how far the next place is where a frame may begin, undefined at the end */
async function bytesToNextHeader(source: PeekSource, info: FlacStreamInfo): Promise<number | undefined> {
  const bytes = await source.peek(searchBytes);
  if (bytes.length === 0) return undefined;
  for (let offset = bytes.indexOf(0xff, 1); offset >= 0; offset = bytes.indexOf(0xff, offset + 1))
    if (parseFrameHeader(bytes, offset, info) !== undefined) return offset;
  const isEnd = bytes.length < searchBytes;
  return isEnd ? bytes.length : bytes.length - maxHeaderBytes;
}
