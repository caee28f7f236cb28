import type { AlignedWord } from './alignment.ts';
import type { ResolvedOptions } from './options.ts';
import type { Draft } from './slice-segments.ts';

const sentenceEnds = '.。!！?？';

/** Where a window's words go, and what was heard before it. */
export interface WordPlacement {
  /** Where the window begins. */
  readonly offsetSeconds: number;
  /** Where the last word before it ended. */
  readonly lastSpeechSeconds: number;
}

/**
 * Gives segments their words, and moves the ends of segments to their words' where those are trusted more.
 * Source: openai/whisper timing.py, add_word_timestamps.
 *
 * @param words of all segments, in order; changed
 */
export function placeWords(
  drafts: readonly Draft[],
  words: AlignedWord[],
  { offsetSeconds, lastSpeechSeconds }: WordPlacement,
  punctuation: Pick<ResolvedOptions, 'prependPunctuation' | 'appendPunctuation'>,
): void {
  const median = Math.min(0.7, medianDuration(words));
  cutLongWords(words, 2 * median);
  mergePunctuation(words, punctuation);
  let lastSpeech = lastSpeechSeconds;
  for (const [segment, draft] of drafts.entries()) {
    const own = words
      .filter((word) => word.segment === segment && word.text !== '')
      .map((word) => inRecording(word, offsetSeconds));
    fitToSegment(draft, own, median, lastSpeech);
    draft.words = own.map(({ text, startSeconds, endSeconds, probability }) => ({
      text,
      startSeconds,
      endSeconds,
      probability,
    }));
    if (own.length > 0) lastSpeech = draft.endSeconds;
  }
}

function medianDuration(words: readonly AlignedWord[]): number {
  const durations = words.map(({ startSeconds, endSeconds }) => endSeconds - startSeconds).filter((d) => d !== 0);
  durations.sort((a, b) => a - b);
  const middle = durations.length / 2;
  if (durations.length === 0) return 0;
  return ((durations[Math.ceil(middle) - 1] as number) + (durations[Math.floor(middle)] as number)) / 2;
}

/** A word at the end of a sentence does not last through the pause behind it, nor the next one through that before it. */
function cutLongWords(words: AlignedWord[], maxDuration: number): void {
  for (const [i, word] of words.entries()) {
    const before = words[i - 1];
    if (before === undefined || word.endSeconds - word.startSeconds <= maxDuration) continue;
    if (sentenceEnds.includes(word.text)) word.endSeconds = word.startSeconds + maxDuration;
    else if (sentenceEnds.includes(before.text)) word.startSeconds = word.endSeconds - maxDuration;
  }
}

/** Joins opening punctuation to the word behind it and closing punctuation to the word before, within a segment. */
function mergePunctuation(
  words: AlignedWord[],
  { prependPunctuation, appendPunctuation }: Pick<ResolvedOptions, 'prependPunctuation' | 'appendPunctuation'>,
): void {
  for (let i = words.length - 2, j = words.length - 1; i >= 0; i--) {
    const [previous, following] = [words[i] as AlignedWord, words[j] as AlignedWord];
    const isOneSegment = previous.segment === following.segment;
    if (isOneSegment && previous.text.startsWith(' ') && prependPunctuation.includes(previous.text.trim())) {
      following.text = previous.text + following.text;
      following.tokens = [...previous.tokens, ...following.tokens];
      previous.text = '';
      previous.tokens = [];
    } else j = i;
  }
  for (let i = 0, j = 1; j < words.length; j++) {
    const [previous, following] = [words[i] as AlignedWord, words[j] as AlignedWord];
    const isOneSegment = previous.segment === following.segment;
    if (isOneSegment && !previous.text.endsWith(' ') && appendPunctuation.includes(following.text)) {
      previous.text += following.text;
      previous.tokens = [...previous.tokens, ...following.tokens];
      following.text = '';
      following.tokens = [];
    } else i = j;
  }
}

function inRecording(word: AlignedWord, offsetSeconds: number): AlignedWord {
  const place = (seconds: number) => Math.round((offsetSeconds + seconds) * 100) / 100;
  return { ...word, startSeconds: place(word.startSeconds), endSeconds: place(word.endSeconds) };
}

/** Settles what the words and the timestamp tokens say of a segment's ends. */
function fitToSegment(draft: Draft, words: AlignedWord[], median: number, lastSpeech: number): void {
  const [first, second] = words;
  const last = words.at(-1);
  if (first === undefined || last === undefined) return;
  const maxDuration = 2 * median;
  const isLong = (from: AlignedWord, to: AlignedWord, limit: number) => to.endSeconds - from.startSeconds > limit;

  const isAfterPause = first.endSeconds - lastSpeech > 4 * median;
  const isStretched =
    isLong(first, first, maxDuration) || (second !== undefined && isLong(first, second, 2 * maxDuration));
  if (isAfterPause && isStretched) {
    if (second !== undefined && isLong(second, second, maxDuration)) {
      const boundary = Math.max(second.endSeconds / 2, second.endSeconds - maxDuration);
      first.endSeconds = boundary;
      second.startSeconds = boundary;
    }
    first.startSeconds = Math.max(0, first.endSeconds - maxDuration);
  }

  if (draft.startSeconds < first.endSeconds && draft.startSeconds - 0.5 > first.startSeconds)
    first.startSeconds = Math.max(0, Math.min(first.endSeconds - median, draft.startSeconds));
  else draft.startSeconds = first.startSeconds;
  if (draft.endSeconds > last.startSeconds && draft.endSeconds + 0.5 < last.endSeconds)
    last.endSeconds = Math.max(last.startSeconds + median, draft.endSeconds);
  else draft.endSeconds = last.endSeconds;
}

/**
 * Where the last word of a window's segments ends, or its last segment where none has words; undefined without segments.
 * Source: openai/whisper transcribe.py, get_end.
 */
export function speechEnd(drafts: readonly Draft[]): number | undefined {
  const worded = drafts.findLast(({ words = [] }) => words.length > 0);
  return worded?.words?.at(-1)?.endSeconds ?? drafts.at(-1)?.endSeconds;
}
