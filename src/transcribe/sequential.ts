import type { EncodedAudio } from '../backend/backend.ts';
import type { DecodingResult } from '../decoding/decode.ts';
import { detectLanguages } from '../decoding/language.ts';
import { maxPreviousTokens } from '../decoding/prompt.ts';
import { nFrames } from '../features/log-mel.ts';
import { alignWords } from './alignment.ts';
import { fallbackDecoder, isSilence } from './fallback.ts';
import { skipHallucinations } from './hallucination.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { LogMelSource } from './log-mel-source.ts';
import type { ResolvedOptions } from './options.ts';
import { PreviousText } from './previous-text.ts';
import type { Segment } from './segment.ts';
import { type Draft, framesPerSecond, type SlicedWindow, sliceSegments, type WindowRange } from './slice-segments.ts';
import { lastWordEnd, placeWords } from './word-times.ts';

/** A recording as its spectrogram. */
export interface Spectrogram {
  readonly source: LogMelSource;
  readonly frameCount: number;
}

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
  const { source, frameCount } = spectrogram;
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
      source.dropBefore(language === undefined ? 0 : seek);
      language ??= options.languagePerWindow ? undefined : await firstLanguage(model, source, options);
      const range = { seek, size: Math.min(nFrames, clip.end - seek) };
      await using audio = await model.backend.encode([await source.window(seek, range.size)], signal);
      const spoken = language ?? (await windowLanguage(model, audio, options));
      const [result] = await decoder.decode(audio, [spoken], { timestamps: true, previous: previous.tokens });
      if (result === undefined) throw new Error('a window has a result');
      if (isSilence(result, options)) {
        seek += range.size;
        continue;
      }
      const window = { range, result, sliced: sliceSegments(result, range, model.tokenizer) };
      const timed = options.wordTimestamps
        ? await timeWords(model, audio, { ...window, lastSpeechSeconds, frameCount }, options)
        : window.sliced;
      const drafts = timed.drafts.filter(isSpoken);
      for (const draft of drafts) yield segmentOf(draft, result, id++, seek);
      lastSpeechSeconds = lastWordEnd(drafts) ?? lastSpeechSeconds;
      previous.add(
        drafts.flatMap(({ tokens }) => tokens),
        result.temperature,
      );
      seek += timed.advance > 0 ? timed.advance : range.size;
    }
  }
  onProgress?.(frameCount / framesPerSecond);
}

/** The language of the first 30 s. */
async function firstLanguage(model: LoadedModel, source: LogMelSource, options: ResolvedOptions): Promise<string> {
  await using audio = await model.backend.encode([await source.window(0, nFrames)], options.signal);
  return await windowLanguage(model, audio, options); // before the audio is released
}

async function windowLanguage(model: LoadedModel, audio: EncodedAudio, options: ResolvedOptions): Promise<string> {
  const [ranked = []] = await detectLanguages(audio, model.rules.special, options.signal);
  options.onLanguage?.(ranked);
  return ranked[0]?.language ?? 'en';
}

export interface DecodedWindow {
  readonly range: WindowRange;
  readonly result: DecodingResult;
  readonly sliced: SlicedWindow;
  readonly lastSpeechSeconds: number;
  readonly frameCount: number;
}

/** Gives a window's segments their words, which then say better than its timestamps where the next window begins. */
async function timeWords(
  model: LoadedModel,
  audio: EncodedAudio,
  { range, result, sliced, lastSpeechSeconds, frameCount }: DecodedWindow,
  options: ResolvedOptions,
): Promise<{ drafts: readonly Draft[]; advance: number }> {
  const { eot } = model.rules.special;
  const { drafts, endsWithSingleTimestamp } = sliced;
  const tokens = drafts.flatMap((draft) => draft.tokens.filter((token) => token < eot));
  const text = { tokens, language: result.language, task: options.task };
  const words = await alignWords(model, audio, { window: 0, frameCount: range.size }, text, options.signal);
  const offsetSeconds = range.seek / framesPerSecond;
  placeWords(drafts, words, { offsetSeconds, lastSpeechSeconds, eot }, options);
  const end = lastWordEnd(drafts);
  const isTrusted = !endsWithSingleTimestamp && end !== undefined && end > offsetSeconds;
  const advance = isTrusted ? Math.round(end * framesPerSecond) - range.seek : sliced.advance;
  if (options.hallucinationSilenceSeconds === undefined) return { drafts, advance };
  const window = { drafts, range, endsWithSingleTimestamp, lastSpeechSeconds, frameCount };
  return skipHallucinations(window, advance, options.hallucinationSilenceSeconds);
}

/** What lasts no time or says nothing is no segment. */
function isSpoken({ startSeconds, endSeconds, text }: Draft): boolean {
  return startSeconds !== endSeconds && text.trim() !== '';
}

function segmentOf(draft: Draft, result: DecodingResult, id: number, seek: number): Segment {
  const { startSeconds, endSeconds, text, tokens, words } = draft;
  const { temperature, avgLogprob, compressionRatio, noSpeechProb, language } = result;
  return {
    id,
    seek,
    startSeconds,
    endSeconds,
    text,
    tokens,
    temperature,
    avgLogprob,
    compressionRatio,
    noSpeechProb,
    language,
    ...(words === undefined ? {} : { words }),
  };
}
