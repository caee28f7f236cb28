import type { EncodedAudio } from '../backend/backend.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';
import { defaultSpeechPadMs } from '../vad/speech-detector.ts';
import type { SpeechTimes } from '../vad/speech-times.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ResolvedOptions } from './options.ts';
import type { Word } from './segment.ts';
import type { Draft } from './slice-segments.ts';
import { type DecodedWindow, wordedDrafts } from './window-segments.ts';

/** A part of a segment lasts at least this long. */
const shortestSeconds = 0.02;

/**
 * Makes no segment span silence that was taken out. One that reaches over a seam by no more than the padding of speech ends
 * at it; any other is cut there, by when its words were said, which takes a second look at the window.
 *
 * @param decoded its drafts count from the start of the speech, and have words if they were asked for
 * @param times of the speech that the window is a part of
 */
export async function cutAtSeams(
  model: LoadedModel,
  audio: EncodedAudio,
  decoded: DecodedWindow & { readonly drafts: readonly Draft[] },
  times: SpeechTimes,
  options: ResolvedOptions,
): Promise<Draft[]> {
  const { drafts } = decoded;
  const seamsIn = ({ startSeconds, endSeconds }: Draft) => times.seamsBetween(startSeconds, endSeconds);
  const padSeconds = (options.speech?.options?.speechPadMs ?? defaultSpeechPadMs) / 1000;
  const kept = drafts.map((draft) =>
    draft.words === undefined ? withoutPadding(draft, seamsIn(draft), padSeconds) : draft,
  );
  if (kept.every((draft) => seamsIn(draft).length === 0)) return kept;
  const needsWords = kept.some((draft) => draft.words === undefined);
  if (needsWords && !model.backend.givesAttention) return kept.map((draft) => longestPart(draft, seamsIn(draft)));
  const worded = needsWords ? await wordedDrafts(model, audio, decoded, options) : kept;
  return kept.flatMap((draft, i) => {
    const seams = seamsIn(draft);
    if (seams.length === 0) return [draft];
    const parts = cut(draft, worded[i]?.words ?? [], seams, times, model.tokenizer);
    return needsWords ? parts.map(({ words: _, ...part }) => part) : parts;
  });
}

/** Without what reaches over a seam at its ends by no more than speech is padded with. */
function withoutPadding(draft: Draft, seams: readonly number[], padSeconds: number): Draft {
  const [first, last] = [seams[0], seams.at(-1)];
  if (first === undefined || last === undefined) return draft;
  const before = first - draft.startSeconds;
  const behind = draft.endSeconds - last;
  const isSmall = (seconds: number) => seconds <= padSeconds;
  // Around a single seam the larger side is meant.
  if (seams.length === 1 && isSmall(before) && isSmall(behind))
    return before > behind ? { ...draft, endSeconds: last } : { ...draft, startSeconds: first };
  return {
    ...draft,
    startSeconds: isSmall(before) ? first : draft.startSeconds,
    endSeconds: isSmall(behind) ? last : draft.endSeconds,
  };
}

/** The longest of the parts that seams make of a segment, with all of its text: where nothing tells when words were said. */
function longestPart(draft: Draft, seams: readonly number[]): Draft {
  const ends = [draft.startSeconds, ...seams, draft.endSeconds];
  const parts = ends.slice(1).map((endSeconds, i) => ({ startSeconds: ends[i] as number, endSeconds }));
  const length = ({ startSeconds, endSeconds }: { startSeconds: number; endSeconds: number }) =>
    endSeconds - startSeconds;
  return { ...draft, ...parts.reduce((longest, part) => (length(part) > length(longest) ? part : longest)) };
}

/** Cuts a segment at seams, each word going to the side where it is heard. */
function cut(
  draft: Draft,
  words: readonly Word[],
  seams: readonly number[],
  times: SpeechTimes,
  tokenizer: WhisperTokenizer,
): Draft[] {
  if (words.length === 0) return [longestPart(draft, seams)];
  const groups = new Map<number, Word[]>();
  for (const word of words) {
    const heardAt = times.wordHeardAt(word.startSeconds, word.endSeconds);
    const side = seams.filter((seam) => seam <= heardAt).length;
    groups.set(side, [...(groups.get(side) ?? []), word]);
  }
  let tokens = draft.tokens;
  const sides = [...groups.entries()].sort(([a], [b]) => a - b);
  return sides.map(([side, own], i) => {
    const isLast = i === sides.length - 1;
    const text = own.map((word) => word.text).join('');
    const taken = isLast ? tokens.length : tokensOf(text, tokens, tokenizer);
    const part = tokens.slice(0, taken);
    tokens = tokens.slice(taken);
    const from = seams[side - 1] ?? draft.startSeconds;
    const to = seams[side] ?? draft.endSeconds;
    const [first, last] = [own[0] as Word, own.at(-1) as Word];
    const startSeconds = Math.min(
      Math.max(from, side === 0 ? draft.startSeconds : first.startSeconds),
      to - shortestSeconds,
    );
    const endSeconds =
      side === seams.length
        ? draft.endSeconds
        : Math.min(Math.max(last.endSeconds, startSeconds + shortestSeconds), to);
    return {
      startSeconds,
      endSeconds,
      text: isLast && i === 0 ? draft.text : tokenizer.decode(part),
      tokens: part,
      words: own,
    };
  });
}

/** How many tokens, beginning with the first, spell a text. */
function tokensOf(text: string, tokens: readonly number[], tokenizer: WhisperTokenizer): number {
  for (let count = 1; count <= tokens.length; count++)
    if (tokenizer.decode(tokens.slice(0, count)).length >= text.length) return count;
  return tokens.length;
}
