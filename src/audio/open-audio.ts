import { AudioError } from '../errors.ts';
import { type ByteSource, openFile, streamSource } from './byte-source.ts';
import { decodeMono } from './pcm.ts';
import { createResampler } from './resample.ts';
import { readWavHeader, type WavHeader } from './wav-header.ts';
import { sampleRate } from './windows.ts';

/** What a mono signal is made of: the mean of all channels, the first, or the second. */
export type ChannelChoice = 'mix' | 'left' | 'right';

/** A recording being read. Disposing it closes the file; so does reading it to the end or breaking off. */
export interface AudioStream extends AsyncDisposable {
  /** the path, or `stdin` */
  readonly name: string;
  /** unknown for a pipe whose writer did not know it either */
  readonly durationSeconds: number | undefined;
  /** mono at 16 kHz in [-1, 1], in blocks of any length, each a fresh array; can be iterated once */
  readonly samples: AsyncIterable<Float32Array>;
}

/** How to open a recording. */
export interface OpenAudioOptions {
  /** default 'mix' */
  readonly channel?: ChannelChoice;
  /** what the path '-' stands for */
  readonly stdin?: NodeJS.ReadableStream;
  /** told of what is wrong with the recording but does not keep it from being read */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

const channelIndex = { mix: undefined, left: 0, right: 1 };

/** Bytes decoded at a time: small beside a window of 30 s, large beside the cost of a read. */
const blockBytes = 65_536;
/** Shorter losses than this are no cut but a writer that counted wrong. */
const minCutSeconds = 0.01;

/**
 * Opens a WAV (PCM of 8 to 32 bits or float, any channels, 1 to 384 kHz, RF64 too) and reads it block by block:
 * memory does not grow with its length.
 *
 * @param path a file, or '-' for `options.stdin`
 * @throws AudioError when it cannot be opened or is not such a WAV ('AUDIO_NO_STDIN', 'AUDIO_NO_CHANNEL', and the codes
 *   of `openFile` and `readWavHeader`); iterating `samples` throws 'AUDIO_READ_FAILED', or the signal's reason
 */
export async function openAudio(path: string, options: OpenAudioOptions = {}): Promise<AudioStream> {
  options.signal?.throwIfAborted();
  const source = path === '-' ? stdinSource(options) : await openFile(path);
  try {
    const header = boundToSource(await readWavHeader(source), source);
    if (options.channel === 'right' && header.format.nChannels < 2)
      throw new AudioError('AUDIO_NO_CHANNEL', `${source.name} is mono: it has no right channel`, {
        hint: 'leave the channel out, or choose left or mix',
      });
    return {
      name: source.name,
      durationSeconds: header.dataBytes === undefined ? undefined : secondsOf(header, header.dataBytes),
      samples: readSamples(source, header, options),
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

function stdinSource({ stdin, signal }: OpenAudioOptions): ByteSource {
  if (stdin === undefined) throw new AudioError('AUDIO_NO_STDIN', 'there is no stdin to read from');
  return streamSource('stdin', stdin, signal);
}

/** Replaces what the header says by what a file of known size can hold. */
function boundToSource(header: WavHeader, source: ByteSource): WavHeader {
  if (source.sizeBytes === undefined) return header;
  const heldBytes = Math.max(0, source.sizeBytes - header.dataOffset);
  if (header.dataBytes !== undefined && header.dataBytes <= heldBytes) return header;
  const cut = cutText(header, heldBytes, source.name);
  if (cut !== undefined) {
    throw new AudioError('AUDIO_TRUNCATED', cut, {
      hint: `copy it again, or transcribe what is there: whisper-npu transcribe - < ${source.name}`,
    });
  }
  return { ...header, dataBytes: heldBytes };
}

async function* readSamples(
  source: ByteSource,
  header: WavHeader,
  { channel = 'mix', onWarning, signal }: OpenAudioOptions,
): AsyncGenerator<Float32Array> {
  await using _ = source;
  const { format, dataBytes = Number.POSITIVE_INFINITY } = header;
  const resampler = createResampler(format.sampleRate, sampleRate);
  const block = new Uint8Array(format.frameBytes * Math.max(1, Math.floor(blockBytes / format.frameBytes)));
  const view = new DataView(block.buffer);
  let nReadBytes = 0;
  let hasWarned = false;
  for (let atEnd = false; !atEnd; ) {
    signal?.throwIfAborted();
    const nBytes = await source.readInto(block.subarray(0, dataBytes - nReadBytes));
    nReadBytes += nBytes;
    atEnd = nBytes < block.length;
    const nFrames = Math.floor(nBytes / format.frameBytes);
    const { samples, hasNonFinite } = decodeMono(view, nFrames, format, channelIndex[channel]);
    if (hasNonFinite && !hasWarned) {
      onWarning?.(`${source.name} has samples that are not numbers or infinite: they are read as silence`);
      hasWarned = true;
    }
    yield clip(resampler.push(samples));
  }
  const cut = cutText(header, nReadBytes, source.name);
  if (cut !== undefined) onWarning?.(cut);
  yield clip(resampler.flush());
}

/** Limits samples to [-1, 1] in place: float WAVs may go beyond, and so may what resampling finds between two samples. */
function clip(samples: Float32Array): Float32Array {
  for (let i = 0; i < samples.length; i++) samples[i] = Math.max(-1, Math.min(1, samples[i] as number));
  return samples;
}

/** What to say of a header that promises more than there is; undefined where it does not. */
function cutText(header: WavHeader, heldBytes: number, name: string): string | undefined {
  if (header.dataBytes === undefined) return undefined;
  const saidSeconds = secondsOf(header, header.dataBytes);
  const heldSeconds = secondsOf(header, heldBytes);
  if (saidSeconds - heldSeconds < minCutSeconds) return undefined;
  return `${name} is cut short: its header says ${saidSeconds.toFixed(2)} s, it holds ${heldSeconds.toFixed(2)} s`;
}

/** Duration of a stretch of sample data; a frame that is not whole does not count. */
function secondsOf({ format }: WavHeader, sizeBytes: number): number {
  return Math.floor(sizeBytes / format.frameBytes) / format.sampleRate;
}
