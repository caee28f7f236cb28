import { shellCommand } from '../../child-program.ts';
import { AudioError } from '../../errors.ts';
import type { ByteSource } from '../byte-source.ts';
import { cutShortText, type DecodedAudio, type PcmBlock } from './decoded-audio.ts';
import { decodePcm, type PcmFormat } from './pcm.ts';

/** Bytes decoded at a time: small beside a window of 30 s, large beside the cost of a read. */
const blockBytes = 65_536;
/** Shorter losses than this are no cut but a writer that counted wrong. */
const minCutSeconds = 0.01;

interface Context {
  readonly source: ByteSource;
  readonly warn: (message: string) => void;
}

/** Where the samples of a file are, and how to read them. */
export interface SampleData {
  readonly format: PcmFormat;
  /** bytes before the first sample */
  readonly dataOffset: number;
  /** bytes of samples by the header's word; undefined when its writer did not know, and they run to the end of the file */
  readonly dataBytes: number | undefined;
}

/**
 * Opens the samples of a file whose header has been read.
 *
 * @throws AudioError ('AUDIO_TRUNCATED' when a file is shorter than its header says)
 */
export function openSampleData(context: Context, { format, dataOffset, dataBytes }: SampleData): DecodedAudio {
  const { source } = context;
  if (source.sizeBytes === undefined) return openPcm(context, format, dataBytes);
  const heldBytes = Math.max(0, source.sizeBytes - dataOffset);
  if (dataBytes !== undefined && dataBytes <= heldBytes) return openPcm(context, format, dataBytes);
  const cut = cutText(source.name, format, dataBytes, heldBytes);
  if (cut !== undefined) {
    throw new AudioError('AUDIO_TRUNCATED', cut, {
      hint: `copy it again, or transcribe what is there: whisper-npu transcribe - < ${shellCommand(source.name)}`,
    });
  }
  return openPcm(context, format, heldBytes);
}

/**
 * Opens samples that are written one after the other.
 *
 * @param dataBytes how many bytes of them there are; undefined when they run to the end
 */
export function openPcm(context: Context, format: PcmFormat, dataBytes: number | undefined): DecodedAudio {
  return {
    nChannels: format.nChannels,
    durationSeconds: dataBytes === undefined ? undefined : secondsOf(format, dataBytes),
    blocks: readBlocks(context, format, dataBytes),
    [Symbol.asyncDispose]: () => context.source[Symbol.asyncDispose](),
  };
}

async function* readBlocks(
  { source, warn }: Context,
  format: PcmFormat,
  dataBytes: number | undefined,
): AsyncGenerator<PcmBlock> {
  const block = new Uint8Array(format.frameBytes * Math.max(1, Math.floor(blockBytes / format.frameBytes)));
  const view = new DataView(block.buffer);
  let nReadBytes = 0;
  for (let atEnd = false; !atEnd; ) {
    const nBytes = await source.readInto(block.subarray(0, (dataBytes ?? Number.POSITIVE_INFINITY) - nReadBytes));
    nReadBytes += nBytes;
    atEnd = nBytes < block.length;
    yield decodePcm(view, Math.floor(nBytes / format.frameBytes), format);
  }
  const cut = cutText(source.name, format, dataBytes, nReadBytes);
  if (cut === undefined) return;
  if (nReadBytes < format.frameBytes) throw new AudioError('AUDIO_TRUNCATED', cut, { hint: 'copy it again' });
  warn(cut);
}

/** What to say of a header that promises more than there is; undefined where it does not. */
function cutText(
  name: string,
  format: PcmFormat,
  dataBytes: number | undefined,
  heldBytes: number,
): string | undefined {
  if (dataBytes === undefined) return undefined;
  const saidSeconds = secondsOf(format, dataBytes);
  const heldSeconds = secondsOf(format, heldBytes);
  return saidSeconds - heldSeconds < minCutSeconds ? undefined : cutShortText(name, saidSeconds, heldSeconds);
}

/** Duration of a stretch of sample data; a frame that is not whole does not count. */
function secondsOf({ frameBytes, sampleRate }: PcmFormat, sizeBytes: number): number {
  return Math.floor(sizeBytes / frameBytes) / sampleRate;
}
