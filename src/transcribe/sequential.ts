import type { EncodedAudio } from '../backend/backend.ts';
import { maxPreviousTokens } from '../decoding/prompt.ts';
import { nFrames } from '../features/log-mel.ts';
import type { SpeechTimes } from '../vad/speech-times.ts';
import { detectAndReportLanguages } from './detected-languages.ts';
import { fallbackDecoder, isSilence } from './fallback.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { LogMelSource } from './log-mel-source.ts';
import type { ResolvedOptions } from './options.ts';
import { PreviousText } from './previous-text.ts';
import type { Segment } from './segment.ts';
import { framesPerSecond, sliceSegments, type WindowRange } from './slice-segments.ts';
import { timedDrafts } from './timed-drafts.ts';
import { segmentsOf } from './window-segments.ts';
import { speechEnd } from './word-times.ts';

/** A recording as its spectrogram. */
export interface Spectrogram {
  readonly source: LogMelSource;
  readonly frameCount: number;
  /** Of a recording whose silence was taken out: where it lay. */
  readonly times?: (() => SpeechTimes) | undefined;
}

/** A shorter rest of a recording is not listened to. Source: whisper.cpp does the same. */
const minFrames = 10;

/** A stretch of frames. */
export interface FrameClip {
  readonly start: number;
  readonly end: number;
}

/**
 * Transcribes a recording window after window, each beginning where the one before was last sure of the time; segments
 * come as soon as their window is decoded. Source: openai/whisper transcribe.py.
 */
export async function* transcribeSequentially(
  model: LoadedModel,
  spectrogram: Spectrogram,
  clips: readonly FrameClip[],
  options: ResolvedOptions,
): AsyncGenerator<Segment> {
  const { source, frameCount, times } = spectrogram;
  const { signal, onProgress } = options;
  const decoder = fallbackDecoder(model, options);
  const previous = new PreviousText(model.tokenizer, maxPreviousTokens(model.rules.maxLength), options);
  let language = options.language;
  let lastSpeechSeconds = 0;
  let id = 0;
  for (const clip of clips) {
    for (let seek = clip.start; seek < clip.end; ) {
      signal?.throwIfAborted();
      onProgress?.(seek / framesPerSecond);
      source.dropBefore(seek);
      const range = { seek, size: Math.min(nFrames, clip.end - seek) };
      // What is left is too short for a word, but not for one to be made up about it.
      if (range.size < minFrames && seek > clip.start) break;
      const { logMel, isSilent } = await source.window(seek, range.size);
      if (isSilent) {
        seek += range.size;
        continue;
      }
      await using audio = await model.backend.encode([logMel], signal);
      if (options.languagePerWindow) [language] = await detectAndReportLanguages(model, audio, options);
      else language ??= await firstLanguage(model, source, range, audio, options);
      const [result] = await decoder.decode(audio, [language], { timestamps: true, previous: previous.tokens });
      if (result === undefined) throw new Error('a window has a result');
      if (isSilence(result, options)) {
        seek += range.size;
        continue;
      }
      const sliced = sliceSegments(result, range, model.tokenizer);
      const decoded = { window: 0, range, result, sliced, lastSpeechSeconds, frameCount };
      const timed = await timedDrafts(model, audio, decoded, times?.(), options);
      const segments = segmentsOf(timed.drafts, result, { id, seek, endFrame: seek + range.size });
      yield* segments;
      id += segments.length;
      lastSpeechSeconds = speechEnd(timed.drafts) ?? lastSpeechSeconds;
      previous.add(
        segments.flatMap(({ tokens }) => tokens),
        result.temperature,
      );
      seek += timed.advance > 0 ? timed.advance : range.size;
    }
  }
  onProgress?.(frameCount / framesPerSecond);
}

/**
 * The language of 30 s of a recording. A whole window has been encoded already; a shorter one is padded with silence here,
 * not with the zeros that it is decoded with.
 */
async function firstLanguage(
  model: LoadedModel,
  source: LogMelSource,
  { seek, size }: WindowRange,
  audio: EncodedAudio,
  options: ResolvedOptions,
): Promise<string> {
  if (size === nFrames) return (await detectAndReportLanguages(model, audio, options))[0];
  const { logMel } = await source.window(seek, nFrames);
  await using padded = await model.backend.encode([logMel], options.signal);
  return (await detectAndReportLanguages(model, padded, options))[0];
}
