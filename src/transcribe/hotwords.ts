import { maxPreviousTokens } from '../decoding/prompt.ts';
import { UsageError } from '../errors.ts';
import type { LoadedModel } from './loaded-model.ts';

/** Names and words to expect. */
export interface Hotwords {
  /** What a window is told of the text before it: the hotwords, then as much of the end of that text as there is room for. */
  promptWith(previous: readonly number[]): readonly number[];
  /** Whether a text spells more of them as they were given than another one does. */
  areMoreIn(text: string, other: string): boolean;
}

/**
 * In faster-whisper (transcribe.py, get_prompt) they stand before the text before too, but take the place of nothing, so that the
 * prompt may become too long.
 *
 * @returns undefined where there are none
 * @throws UsageError for more than a prompt has room for
 */
export function hotwordsOf({ tokenizer, rules }: LoadedModel, words: readonly string[]): Hotwords | undefined {
  if (words.length === 0) return undefined;
  const tokens = tokenizer.encode(` ${asSentence(words)}`);
  const room = maxPreviousTokens(rules.maxLength) - tokens.length;
  if (room < 0) throw tooMany(tokens.length, tokens.length + room);
  const countIn = (text: string) => words.filter((word) => text.includes(word)).length;
  return {
    promptWith: (previous) => [...tokens, ...previous.slice(Math.max(0, previous.length - room))],
    areMoreIn: (text, other) => countIn(text) > countIn(other),
  };
}

/** With its full stop: behind a text without, models write texts without. */
function asSentence(words: readonly string[]): string {
  return `${words.join(', ').replace(/[.。!！?？]$/u, '')}.`;
}

function tooMany(count: number, most: number): UsageError {
  return new UsageError('HOTWORDS_TOO_LONG', `the hotwords are ${count} tokens long, at most ${most} can be expected`, {
    hint: 'name those only that the model does not spell right without',
  });
}
