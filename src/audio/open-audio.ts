import { AudioError } from '../errors.ts';
import { type ByteSource, openFile, streamSource } from './byte-source.ts';
import type { DecodedAudio, ReaderContext } from './formats/decoded-audio.ts';
import type { TrackChoice } from './formats/ffmpeg-tracks.ts';
import { emptyError, openFormat } from './formats/open-format.ts';
import { maxChannels, type PcmFormat } from './formats/pcm.ts';
import { openPcm } from './formats/sample-data.ts';
import type { ChannelChoice } from './mono.ts';
import { PeekSource } from './peek-source.ts';
import { readSamples, type SampleRange } from './read-samples.ts';
import { sampleRate } from './windows.ts';

/** A recording being read. Disposing it closes the file; so does reading it to the end or breaking off. */
export interface AudioStream extends AsyncDisposable {
  /** the path, or `stdin` */
  readonly name: string;
  /** where in the recording its first sample stands: what is found at second t of `samples` is at `offsetSeconds` + t */
  readonly offsetSeconds: number;
  /** of what `samples` gives, by the word of the header, which may be wrong; unknown where it says nothing of use */
  readonly durationSeconds: number | undefined;
  /** mono at 16 kHz in [-1, 1], in blocks of any length, each a fresh array; can be iterated once */
  readonly samples: AsyncIterable<Float32Array>;
}

/** How to open a recording. */
export interface OpenAudioOptions {
  /** default 'mix' */
  readonly channel?: ChannelChoice;
  /**
   * which track of sound of a file that has several: its number, counted from 1, or a code of its language; by default the
   * one that the file calls its default, else the first
   */
  readonly track?: TrackChoice;
  /** where to begin and to end, in seconds of the recording; by default at its own ends */
  readonly startSeconds?: number;
  readonly endSeconds?: number;
  /** that it is no file of a known format but samples alone, written like this */
  readonly rawFormat?: PcmFormat;
  /** the ffmpeg that decodes what is not decoded here: a name or path, default 'ffmpeg' */
  readonly ffmpeg?: string;
  /** what the path '-' stands for */
  readonly stdin?: NodeJS.ReadableStream;
  /** told of what is wrong with the recording but does not keep it from being read */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Opens any recording and reads it block by block: memory does not grow with its length. WAV, AIFF and CAF of plain
 * samples, MP3, FLAC and Ogg (Opus, Vorbis, FLAC) are decoded here, all else by an ffmpeg; the content tells which, never the name.
 *
 * @param path a file, or '-' for `options.stdin`
 * @throws AudioError when it cannot be opened ('AUDIO_NO_STDIN', 'AUDIO_NO_CHANNEL',
 *   'AUDIO_TOO_MANY_CHANNELS', and the codes of `openFile` and `openFormat`); iterating `samples` throws 'AUDIO_READ_FAILED', 'AUDIO_DAMAGED' when nothing of it can
 *   be decoded, 'AUDIO_PAST_END', 'AUDIO_FFMPEG_STUCK', or the signal's reason
 */
export async function openAudio(path: string, options: OpenAudioOptions = {}): Promise<AudioStream> {
  const { channel = 'mix', onWarning: warn = () => undefined, signal } = options;
  const range = sampleRange(options);
  signal?.throwIfAborted();
  const source = new PeekSource(path === '-' ? stdinSource(options) : await openFile(path), signal);
  const { name } = source;
  const decoded = await decode({ source, warn, ...(signal === undefined ? {} : { signal }) }, path, options);
  try {
    if (channel === 'right' && decoded.nChannels < 2) throw noRightChannel(name);
    if (decoded.nChannels > maxChannels) throw tooManyChannels(name, decoded.nChannels);
    return {
      name,
      offsetSeconds: range.start / sampleRate,
      durationSeconds: partSeconds(range, decoded.durationSeconds),
      samples: readSamples(decoded, { name, range, channel, warn, signal }),
      [Symbol.asyncDispose]: () => decoded[Symbol.asyncDispose](),
    };
  } catch (error) {
    await decoded[Symbol.asyncDispose]();
    throw error;
  }
}

function sampleRange({ startSeconds = 0, endSeconds = Number.POSITIVE_INFINITY }: OpenAudioOptions): SampleRange {
  const [start, end] = [Math.round(startSeconds * sampleRate), Math.round(endSeconds * sampleRate)];
  if (start >= 0 && start < end) return { start, end };
  throw new RangeError(`Expected 0 <= startSeconds < endSeconds but received ${startSeconds} and ${endSeconds}`);
}

function stdinSource({ stdin, signal }: OpenAudioOptions): ByteSource {
  if (stdin === undefined) throw new AudioError('AUDIO_NO_STDIN', 'there is no stdin to read from');
  return streamSource('stdin', stdin, signal);
}

async function decode(
  context: ReaderContext,
  path: string,
  { rawFormat, ffmpeg, track }: OpenAudioOptions,
): Promise<DecodedAudio> {
  try {
    if (rawFormat !== undefined) {
      if ((await context.source.peek(1)).length === 0) throw emptyError(context.source.name);
      return openPcm(context, rawFormat, context.source.sizeBytes);
    }
    return await openFormat(context, path, { ffmpeg, track });
  } catch (error) {
    await context.source[Symbol.asyncDispose]();
    throw error;
  }
}

/** Headers are not to be relied on, where recordings were joined or lengths estimated: what is decoded says what is there. */
function partSeconds(range: SampleRange, durationSeconds: number | undefined): number | undefined {
  if (durationSeconds === undefined) return undefined;
  const nSamples = Math.min(range.end, durationSeconds * sampleRate) - range.start;
  return range.start > 0 && nSamples <= 0 ? undefined : nSamples / sampleRate;
}

function tooManyChannels(name: string, nChannels: number): AudioError {
  return new AudioError('AUDIO_TOO_MANY_CHANNELS', `${name} has ${nChannels} channels: ${maxChannels} can be read`, {
    hint: 'check that it is a recording, or extract the channels that are wanted with ffmpeg',
  });
}

function noRightChannel(name: string): AudioError {
  return new AudioError('AUDIO_NO_CHANNEL', `${name} is mono: it has no right channel`, {
    hint: 'leave the channel out, or choose left or mix',
  });
}
