import type { EncodedAudio } from '../backend/backend.ts';
import { maxPreviousTokens } from '../decoding/prompt.ts';
import { hopLength, logMelEnergies, nFrames, normalise, nSamples, sampleRate } from '../features/log-mel.ts';
import type { SpeechChunk } from '../vad/speech-chunks.ts';
import { detectAndReportLanguages } from './detected-languages.ts';
import { fallbackDecoder, isSilence } from './fallback.ts';
import type { LoadedModel } from './loaded-model.ts';
import { padFrames } from './log-mel-source.ts';
import type { ResolvedOptions } from './options.ts';
import { PreviousText } from './previous-text.ts';
import type { Segment } from './segment.ts';
import { framesPerSecond, sliceSegments } from './slice-segments.ts';
import { timedDrafts } from './timed-drafts.ts';
import { segmentsOf } from './window-segments.ts';
import { inRecording } from './without-silence.ts';

type LogMel = Float32Array<ArrayBuffer>;

/** A chunk of speech on its way: what is left of it to decode, and what has been found in it. */
interface Work {
  readonly chunk: SpeechChunk;
  /** Where what is left begins, in frames. */
  seek: number;
  isDone: boolean;
  readonly segments: Segment[];
}

/**
 * Transcribes chunks of speech, several at a time through one decoder. Every window keeps the rules of all others:
 * thresholds, temperatures, timestamps; and where a text ends before its chunk does, the rest of the chunk is a window of
 * the next batch. Segments come in the order of the recording.
 *
 * @param maxEnergy of the whole recording, so that a quiet chunk does not pass for a loud one
 */
export async function* transcribeInBatches(
  model: LoadedModel,
  chunks: AsyncIterable<SpeechChunk>,
  maxEnergy: number,
  options: ResolvedOptions,
): AsyncGenerator<Segment> {
  const source = chunks[Symbol.asyncIterator]();
  const batch = batchDecoder(model, maxEnergy, options);
  /** Chunks whose segments have not been given yet, in order; of those that are not done the first are decoded next. */
  const works: Work[] = [];
  let isExhausted = false;
  let id = 0;
  const takePending = async () => {
    while (!isExhausted && works.filter(({ isDone }) => !isDone).length < options.batchSize) {
      const { value: chunk, done } = await source.next();
      if (done) isExhausted = true;
      else works.push({ chunk, seek: 0, isDone: false, segments: [] });
    }
    return works.filter(({ isDone }) => !isDone).slice(0, options.batchSize);
  };
  try {
    for (let pending = await takePending(); pending.length > 0; pending = await takePending()) {
      options.signal?.throwIfAborted();
      await batch(pending);
      while (works[0]?.isDone === true) {
        const { chunk, segments } = works.shift() as Work;
        for (const segment of segments) yield { ...inRecording(segment, chunk.times), id: id++ };
        options.onProgress?.(chunk.times.original(chunk.samples.length / sampleRate, true));
      }
    }
  } finally {
    await source.return?.(); // closes the recording where somebody has seen enough
  }
}

/** Decodes the next window of each of some chunks together. */
function batchDecoder(
  model: LoadedModel,
  maxEnergy: number,
  options: ResolvedOptions,
): (works: readonly Work[]) => Promise<void> {
  const { backend, tokenizer, rules } = model;
  const decoder = fallbackDecoder(model, options);
  const previous = new PreviousText(tokenizer, maxPreviousTokens(rules.maxLength), options).tokens;
  let language = options.language;
  return async (works) => {
    const windows = works.map((work) => windowOf(work, backend.dimensions.nMels, maxEnergy));
    await using audio = await backend.encode(
      windows.map(({ logMel }) => logMel),
      options.signal,
    );
    const languages = await languagesOf(audio, language);
    if (!options.languagePerWindow) language = languages[0];
    const results = await decoder.decode(audio, languages, { timestamps: true, previous });
    for (const [window, result] of results.entries()) {
      const work = works[window] as Work;
      const range = { seek: work.seek, size: (windows[window] as { size: number }).size };
      const sliced = sliceSegments(result, range, tokenizer);
      const lastSpeechSeconds = work.segments.at(-1)?.endSeconds ?? 0;
      const frameCount = frameCountOf(work.chunk);
      const decoded = { window, range, result, sliced, lastSpeechSeconds, frameCount };
      const { drafts, advance } = isSilence(result, options)
        ? { drafts: [], advance: range.size }
        : await timedDrafts(model, audio, decoded, work.chunk.times, options);
      const place = { id: 0, seek: seekOf(work), endFrame: work.seek + range.size };
      work.segments.push(...segmentsOf(drafts, result, place));
      work.seek += advance > 0 ? advance : range.size;
      work.isDone = work.seek >= frameCountOf(work.chunk);
    }
  };

  async function languagesOf(audio: EncodedAudio, known: string | undefined): Promise<string[]> {
    if (known !== undefined && !options.languagePerWindow) return Array.from({ length: audio.count }, () => known);
    const heard = await detectAndReportLanguages(model, audio, options);
    return options.languagePerWindow ? heard : heard.map(() => heard[0]);
  }
}

function frameCountOf({ samples }: SpeechChunk): number {
  return Math.max(1, Math.floor(samples.length / hopLength));
}

/** Where a chunk's next window lies in the recording, in frames. */
function seekOf({ chunk, seek }: Work): number {
  return Math.round(chunk.times.original(seek / framesPerSecond) * framesPerSecond);
}

/** What is left of a chunk as a window: its frames, then zeros. */
function windowOf({ chunk, seek }: Work, nMels: number, maxEnergy: number): { logMel: LogMel; size: number } {
  const { samples } = chunk;
  const size = Math.min(nFrames, frameCountOf(chunk) - seek);
  const range = { first: seek, count: size, paddedLength: samples.length + nSamples };
  const frames = normalise(logMelEnergies(samples, nMels, range).energies, maxEnergy);
  return { logMel: padFrames(frames, nMels, size), size };
}
