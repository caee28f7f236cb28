/**
 * What transcription asks of voice activity detection. One after the other, or in batches:
 *
 * ```ts
 * const speech = speechOnly(audio.samples, model);                 // silence of 2 s and more taken out
 * for await (const segment of transcribe(…, speech.samples, …)) speech.times.original(segment.startSeconds) …
 *
 * for await (const { samples, times } of speechChunks(audio.samples, model)) …  // 30 s at most, cut at pauses
 * ```
 *
 * Times are relative to the samples handed in; where these begin within a recording, `AudioStream.offsetSeconds` is to be
 * added to what `times` says.
 */
import { sampleRate, windows } from '../audio/windows.ts';
import { createSampleBuffer, type SampleBuffer } from './sample-buffer.ts';
import { createSpeechDetector, type SpeechDetector, type SpeechOptions, type SpeechSpan } from './speech-detector.ts';
import { type SpeechModel, windowSamples } from './speech-model.ts';
import type { SampleSpan } from './speech-rule.ts';
import { createSpeechTimes, type SpeechTimes } from './speech-times.ts';

/** A recording without its silence. */
export interface SpeechStream {
  /** mono at 16 kHz, in blocks, each a fresh array; can be iterated once. Nothing comes where nobody speaks. */
  readonly samples: AsyncIterable<Float32Array>;
  /** knows about what `samples` has given so far */
  readonly times: SpeechTimes;
}

/** Some speech of a recording, for a model that takes 30 s at a time. */
export interface SpeechChunk {
  /** mono at 16 kHz */
  readonly samples: Float32Array;
  /** from seconds in `samples` to seconds in the recording, and which stretches of it these are */
  readonly times: SpeechTimes;
}

export interface ChunkOptions extends SpeechOptions {
  /** longest chunk; default 30 */
  readonly maxChunkSeconds?: number;
  /** silence up to this long within a chunk is left in, as natural; default 1.2, which makes 2 s with the padding around */
  readonly maxPauseSeconds?: number;
}

/** Windows that the model is asked about at once: a second of sound, a millisecond or two of work. */
const windowsPerCall = 32;

/**
 * Takes out the silence, holding no more than a few seconds: what is certain to be speech is given at once.
 *
 * @param samples mono f32 at 16 kHz in [-1, 1], in blocks of any length
 */
export function speechOnly(
  samples: AsyncIterable<Float32Array>,
  model: SpeechModel,
  options: SpeechOptions = {},
): SpeechStream {
  const times = createSpeechTimes();
  async function* speech(): AsyncGenerator<Float32Array> {
    let given = 0;
    for await (const { known, voices, detector, buffer } of detected(samples, model, options)) {
      const { open } = detector;
      for (const voice of voices) times.hear(voice);
      for (const span of open === undefined ? known : [...known, open]) {
        const [start, end] = [Math.max(given, span.start), Math.min(span.end, buffer.end)];
        if (end <= start) continue;
        times.extend({ start, end });
        given = end;
        yield buffer.slice(start, end);
      }
      buffer.drop(Math.max(given, detector.earliest));
    }
  }
  return { samples: speech(), times };
}

/**
 * Cuts a recording into chunks of speech to be transcribed apart, each at the longest pause in its last third. Within a
 * chunk short pauses stay as they are and longer ones are taken out. Holds one chunk and the speech under way.
 *
 * The defaults are those of faster-whisper's batches: speech ends with 160 ms of silence and is no longer than a chunk.
 * Its chunks are as long as they can be, though, and end in the middle of sentences.
 *
 * @param samples mono f32 at 16 kHz in [-1, 1], in blocks of any length
 */
export async function* speechChunks(
  samples: AsyncIterable<Float32Array>,
  model: SpeechModel,
  options: ChunkOptions = {},
): AsyncGenerator<SpeechChunk> {
  const { maxChunkSeconds = 30, maxPauseSeconds = 1.2, minSilenceMs = 160 } = options;
  const maxSpeechSeconds = Math.min(options.maxSpeechSeconds ?? maxChunkSeconds, maxChunkSeconds);
  const maxSamples = Math.round(maxChunkSeconds * sampleRate);
  const maxPause = Math.round(maxPauseSeconds * sampleRate);
  let pieces: Piece[] = [];
  let heard: SampleSpan[] = [];
  let lastEnd = 0;
  const rules = { ...options, maxSpeechSeconds, minSilenceMs };
  for await (const { known, voices, detector, buffer } of detected(samples, model, rules)) {
    heard.push(...voices);
    for (const span of known) {
      const pause = buffer.slice(span.start - lastEnd <= maxPause ? lastEnd : span.start, span.start);
      const piece = { span, pause, samples: buffer.slice(span.start, span.end) };
      while (pieces.length > 0 && lengthOf([...pieces, piece]) > maxSamples) {
        const nFirst = cutPlace([...pieces, piece], (2 / 3) * maxSamples);
        yield chunk(pieces.slice(0, nFirst), heard);
        pieces = pieces.slice(nFirst);
        const { start = 0 } = pieces[0]?.span ?? span;
        heard = heard.filter((voice) => voice.end > start);
      }
      pieces.push(piece);
      lastEnd = span.end;
    }
    buffer.drop(detector.earliest - lastEnd <= maxPause ? lastEnd : detector.earliest);
  }
  if (pieces.length > 0) yield chunk(pieces, heard);
}

/** A stretch of speech, with the pause before it where that is short enough to stay. */
interface Piece {
  readonly span: SpeechSpan;
  readonly pause: Float32Array;
  readonly samples: Float32Array;
}

/** A chunk begins with speech. */
function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { pause, samples }, i) => sum + (i === 0 ? 0 : pause.length) + samples.length, 0);
}

/** @returns how many pieces to take off so that the longest pause behind `minSamples` comes next, the last of equals */
function cutPlace(pieces: readonly Piece[], minSamples: number): number {
  const silence = (i: number) => pieces[i]?.span.silenceBefore ?? 0;
  let best = pieces.length - 1;
  for (let i = best - 1; i > 0 && lengthOf(pieces.slice(0, i)) >= minSamples; i--)
    if (silence(i) > silence(best)) best = i;
  return best;
}

function chunk(pieces: readonly Piece[], heard: readonly SampleSpan[]): SpeechChunk {
  const samples = new Float32Array(lengthOf(pieces));
  const times = createSpeechTimes();
  let offset = 0;
  for (const [i, { span, pause, samples: speech }] of pieces.entries()) {
    const isJoined = i > 0 && pause.length > 0;
    if (isJoined) samples.set(pause, offset);
    offset += isJoined ? pause.length : 0;
    samples.set(speech, offset);
    offset += speech.length;
    times.extend({ start: span.start - (isJoined ? pause.length : 0), end: span.end });
  }
  for (const voice of heard) times.hear(voice);
  return { samples, times };
}

/** From where to where, in seconds. */
export interface TimeSpan {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** Ends of speech as closely as the detector knows them: a silence longer than stops within words parts two voices. */
const closeRules: SpeechOptions = { minSilenceMs: 250, speechPadMs: 0 };

/**
 * When somebody speaks.
 *
 * @param samples mono f32 at 16 kHz in [-1, 1], in blocks of any length
 */
export async function speechSpans(samples: AsyncIterable<Float32Array>, model: SpeechModel): Promise<TimeSpan[]> {
  const spans: TimeSpan[] = [];
  for await (const { known, detector, buffer } of detected(samples, model, closeRules)) {
    for (const { start, end } of known) spans.push({ startSeconds: start / sampleRate, endSeconds: end / sampleRate });
    buffer.drop(detector.earliest);
  }
  return spans;
}

interface Detected {
  /** stretches of speech that have become known */
  readonly known: readonly SpeechSpan[];
  /** the same, close to what is heard; the last one may go on for ever, until it comes again with its end */
  readonly voices: readonly SampleSpan[];
  readonly detector: SpeechDetector;
  /** what has come so far and has not been dropped */
  readonly buffer: SampleBuffer;
}

/** Listens to a stream, a second at a time; the last step comes when it has ended. */
async function* detected(
  samples: AsyncIterable<Float32Array>,
  model: SpeechModel,
  options: SpeechOptions,
): AsyncGenerator<Detected> {
  const buffer = createSampleBuffer();
  const detector = createSpeechDetector(options);
  const close = createSpeechDetector({ ...options, ...closeRules });
  const listener = model.listen();
  const blockSamples = windowsPerCall * windowSamples;
  const goingOn = () => (close.open === undefined ? [] : [{ start: close.open.start, end: Number.POSITIVE_INFINITY }]);
  const listen = async (block: Float32Array) => {
    const probabilities = [...(await listener.push(block))];
    const known = probabilities.flatMap((probability) => detector.push(probability));
    const voices: SampleSpan[] = probabilities.flatMap((probability) => close.push(probability));
    return { known, voices };
  };
  let rest: Float32Array = new Float32Array(0);
  for await (const block of windows(samples, blockSamples)) {
    buffer.append(block);
    if (block.length === blockSamples) {
      const { known, voices } = await listen(block);
      yield { known, voices: [...voices, ...goingOn()], detector, buffer };
    } else rest = block;
  }
  // The last window is filled up with silence; there is one behind a recording that ends with a window, too.
  const filled = new Float32Array((Math.floor(rest.length / windowSamples) + 1) * windowSamples);
  filled.set(rest);
  const { known, voices } = await listen(filled);
  const [last, lastVoices] = [detector.finish(buffer.end), close.finish(buffer.end)];
  yield { known: [...known, ...last], voices: [...voices, ...lastVoices], detector, buffer };
}
