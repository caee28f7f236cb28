import { MPEGDecoder } from 'mpg123-decoder';
import { longestSilentSeconds } from '../windows.ts';
import {
  createDamage,
  cutShortText,
  type Damage,
  type DecodedAudio,
  type PcmBlock,
  type ReaderContext,
} from './decoded-audio.ts';
import { type FrameHeader, findFrames, frameHeader, isAlike, promisedFrames } from './mp3-header.ts';

/** Two frames of the largest kind and more, and little enough for a live pipe. */
const peekBytes = 8192;
/** Decoded at a time: a second of sound or two, some 10 ms of work. */
const batchBytes = 16_384;
/** Faults that mpg123 may find within one batch before it is taken to be going round in circles. */
const maxFaults = 100;

/**
 * Opens MPEG audio of layer I to III, whose first frame lies `junkBytes` ahead.
 * mpg123 takes out the silence that encoders add where the file says how much (LAME's tag).
 */
export async function openMp3(context: ReaderContext, junkBytes: number): Promise<DecodedAudio> {
  const { source } = context;
  await source.skip(junkBytes);
  const head = await source.peek(peekBytes);
  const first = frameHeader(head, 0);
  if (first === undefined) throw new RangeError(`no MPEG frame at byte ${junkBytes}`);
  const nFrames = promisedFrames(head, first);
  return {
    nChannels: first.nChannels,
    durationSeconds: nFrames === undefined ? undefined : (nFrames * first.nSamples) / first.sampleRate,
    blocks: decodeFrames(context, first, nFrames),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

async function* decodeFrames(
  context: ReaderContext,
  first: FrameHeader,
  promised: number | undefined,
): AsyncGenerator<PcmBlock> {
  const { source, warn } = context;
  const damage = createDamage(context);
  const decoder = await createQuietDecoder();
  let junkBytes = 0;
  let heldSeconds = 0;
  try {
    for (let bytes = await source.peek(peekBytes); bytes.length > 0; bytes = await source.peek(peekBytes)) {
      const batch = wholeFrames(bytes, first.layer);
      if (batch === undefined) {
        const step = junkBefore(bytes);
        if (junkBytes > 0 || !/^(TAG|ID3|APE)/.test(String.fromCharCode(...bytes.subarray(0, 3)))) junkBytes += step;
        await source.skip(step);
        continue;
      }
      // Whatever stands behind the last frame is no loss; what stands between two has taken the place of some.
      if (junkBytes > 0) damage.note(`${junkBytes} bytes between its frames are no sound`);
      junkBytes = 0;
      const channels = await decoder.decode(bytes.subarray(0, batch.nBytes), damage);
      await source.skip(batch.nBytes);
      heldSeconds += batch.nSamples / batch.header.sampleRate;
      yield { channels: channels.slice(0, batch.header.nChannels), sampleRate: batch.header.sampleRate };
    }
  } finally {
    decoder.free();
  }
  const saidSeconds = ((promised ?? 0) * first.nSamples) / first.sampleRate;
  // Some programs that cut MP3s leave the table of the whole as it was, but hardly by so little.
  if (saidSeconds - heldSeconds > 1) warn(cutShortText(source.name, saidSeconds, heldSeconds));
  if (heldSeconds === 0) damage.note('no frame is whole');
  // A header or two may be found in anything.
  damage.report(heldSeconds > longestSilentSeconds);
}

interface Batch {
  readonly nBytes: number;
  /** of each channel */
  readonly nSamples: number;
  /** what holds for all of its frames */
  readonly header: FrameHeader;
}

/** The frames at the start of `bytes` that are all there; undefined where none is. */
function wholeFrames(bytes: Uint8Array, layer: number): Batch | undefined {
  const header = frameHeader(bytes, 0);
  if (header?.layer !== layer) return undefined;
  let nBytes = 0;
  let nSamples = 0;
  let next: FrameHeader | undefined = header;
  while (next !== undefined && isAlike(header, next) && next.nChannels === header.nChannels && nBytes < batchBytes) {
    if (nBytes + next.frameBytes > bytes.length) break;
    nBytes += next.frameBytes;
    nSamples += next.nSamples;
    next = frameHeader(bytes, nBytes);
  }
  return nBytes === 0 ? undefined : { nBytes, nSamples, header };
}

/** How much to pass over at a place where no whole frame begins. */
function junkBefore(bytes: Uint8Array): number {
  const found = findFrames(bytes, 2, 1);
  if (found !== undefined) return found;
  const isEnd = bytes.length < peekBytes;
  // Two frames may begin in the rest of what is seen and end behind it.
  return isEnd ? bytes.length : bytes.length - peekBytes / 2;
}

interface QuietDecoder {
  /** @returns two channels, the same where there is but one */
  decode(frames: Uint8Array, damage: Damage): Promise<readonly Float32Array[]>;
  free(): void;
}

/**
 * mpg123 without what its package does on a fault: print it, and ask again as long as the fault lasts. The call is
 * synchronous, so no message of anybody else's is lost.
 */
async function createQuietDecoder(): Promise<QuietDecoder> {
  const create = async (): Promise<MPEGDecoder> => {
    const created = new MPEGDecoder();
    await created.ready;
    return created;
  };
  let decoder = await create();

  async function decode(frames: Uint8Array, damage: Damage): Promise<readonly Float32Array[]> {
    const { error: print } = console;
    let nFaults = 0;
    console.error = () => {
      if (++nFaults > maxFaults) throw new Error('mpg123 makes no progress');
    };
    try {
      const { channelData } = decoder.decode(frames);
      if (nFaults > 0) damage.note('frames cannot be decoded');
      return channelData;
    } catch {
      // What WebAssembly may do in the middle of a call leaves its memory in no state to go on with.
      decoder = await create();
      damage.note('frames cannot be decoded');
      return [new Float32Array(0), new Float32Array(0)];
    } finally {
      console.error = print;
    }
  }

  return { decode, free: () => decoder.free() };
}
