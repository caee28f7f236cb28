import type { Word } from './segment.ts';
import { type Draft, framesPerSecond, type WindowRange } from './slice-segments.ts';
import { speechEnd } from './word-times.ts';

/** Of a whole window, whatever of it is padding. */
const windowSeconds = 30;

/** Never part of what makes a word suspicious. */
const punctuation = '"\'“¿([{-"\'.。,，!！?？:：”)]}、';

/** How unlikely it is that a word was spoken: improbable, or too short or too long to be one. */
function anomaly({ probability, startSeconds, endSeconds }: Word): number {
  const duration = endSeconds - startSeconds;
  return (
    (probability < 0.15 ? 1 : 0) + (duration < 0.133 ? (0.133 - duration) * 15 : 0) + (duration > 2 ? duration - 2 : 0)
  );
}

/** Whether the beginning of a segment looks invented. */
function isAnomalous(draft: Draft | undefined): boolean {
  const words = (draft?.words ?? []).filter(({ text }) => !punctuation.includes(text)).slice(0, 8);
  if (draft?.words === undefined || draft.words.length === 0) return false;
  const score = words.reduce((sum, word) => sum + anomaly(word), 0);
  return score >= 3 || score + 0.01 >= words.length;
}

/** A window whose segments have their words. */
export interface WordedWindow {
  readonly drafts: readonly Draft[];
  readonly range: WindowRange;
  readonly endsWithSingleTimestamp: boolean;
  /** Where the last word before the window ended. */
  readonly lastSpeechSeconds: number;
  /** Frames of the whole recording. */
  readonly frameCount: number;
}

export interface Verdict {
  /** What is believed of the window's segments. */
  readonly drafts: readonly Draft[];
  /** Frames from the window's start to that of the next one. */
  readonly advance: number;
}

/**
 * Skips long silence around what is probably invented.
 * Source: openai/whisper transcribe.py, hallucination_silence_threshold.
 *
 * @param advance frames until the next window would begin
 * @param thresholdSeconds what counts as long
 */
export function skipHallucinations(window: WordedWindow, advance: number, thresholdSeconds: number): Verdict {
  const { drafts, range, frameCount } = window;
  const offsetSeconds = range.seek / framesPerSecond;
  const hasWords = ({ words = [] }: Draft) => words.length > 0;

  const first = drafts.find(hasWords);
  if (first !== undefined && isAnomalous(first)) {
    const gapSeconds = first.startSeconds - offsetSeconds;
    if (gapSeconds > thresholdSeconds) return { drafts: [], advance: Math.round(gapSeconds * framesPerSecond) };
  }

  let lastEnd = window.lastSpeechSeconds;
  for (const [i, draft] of drafts.entries()) {
    if (!hasWords(draft)) continue;
    if (isAnomalous(draft) && isIsolated(window, i, lastEnd, thresholdSeconds)) {
      const isNearEnd = frameCount / framesPerSecond - draft.endSeconds < thresholdSeconds;
      const behind = Math.round(Math.max(offsetSeconds + 1, draft.startSeconds) * framesPerSecond);
      return { drafts: drafts.slice(0, i), advance: (isNearEnd ? frameCount : behind) - range.seek };
    }
    lastEnd = draft.endSeconds;
  }
  return { drafts, advance: advanceToSpeech(window, advance, thresholdSeconds) };
}

/** A window that ends with long silence is followed by one that begins at its last word. */
function advanceToSpeech(window: WordedWindow, advance: number, thresholdSeconds: number): number {
  const { drafts, range, endsWithSingleTimestamp } = window;
  const end = speechEnd(drafts);
  if (endsWithSingleTimestamp || end === undefined || end <= range.seek / framesPerSecond) return advance;
  const remainingSeconds = range.seek / framesPerSecond + windowSeconds - end;
  return remainingSeconds > thresholdSeconds ? Math.round(end * framesPerSecond) - range.seek : range.size;
}

/** Whether a segment stands alone between silence, the window's ends, and other inventions. */
function isIsolated({ drafts, range }: WordedWindow, at: number, lastEnd: number, thresholdSeconds: number): boolean {
  const draft = drafts[at] as Draft;
  const offsetSeconds = range.seek / framesPerSecond;
  const next = drafts.slice(at + 1).find(({ words = [] }) => words.length > 0);
  const nextStart = next?.words?.[0]?.startSeconds ?? offsetSeconds + range.size / framesPerSecond;
  const silenceBefore =
    draft.startSeconds - lastEnd > thresholdSeconds ||
    draft.startSeconds < thresholdSeconds ||
    draft.startSeconds - offsetSeconds < 2;
  const silenceAfter =
    nextStart - draft.endSeconds > thresholdSeconds ||
    isAnomalous(next) ||
    offsetSeconds + windowSeconds - draft.endSeconds < 2;
  return silenceBefore && silenceAfter;
}
