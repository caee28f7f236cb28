import { UsageError } from '../errors.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';

import type { ResolvedOptions } from './options.ts';

type PromptOptions = Pick<
  ResolvedOptions,
  'conditionOnPreviousText' | 'hotwords' | 'initialPrompt' | 'carryInitialPrompt'
>;

/** Texts drawn at more than this temperature are not passed on. */
const maxTemperature = 0.5;

/**
 * What a window is told of the text before it. Source: openai/whisper transcribe.py, prompt_reset_since; hotwords stand before all
 * of that in every window, as in faster-whisper (transcribe.py, get_prompt), which does not keep room for them.
 */
export class PreviousText {
  readonly #options: PromptOptions;
  /** The most tokens of text behind the hotwords. */
  readonly #room: number;
  readonly #hotwords: readonly number[];
  readonly #initial: readonly number[];
  #since: readonly number[] = [];
  #isBeginning = true;

  /**
   * @param limit the most tokens that a prompt takes
   * @throws UsageError for hotwords that do not fit
   */
  constructor(tokenizer: WhisperTokenizer, limit: number, options: PromptOptions) {
    const encoded = (text: string) => (text.trim() === '' ? [] : tokenizer.encode(` ${text.trim()}`));
    this.#options = options;
    this.#hotwords = encoded(asSentence(options.hotwords));
    this.#initial = encoded(options.initialPrompt);
    this.#room = limit - this.#hotwords.length;
    if (this.#room < 0) throw tooMany(this.#hotwords.length, limit);
  }

  /** For the next window. */
  get tokens(): readonly number[] {
    const { carryInitialPrompt } = this.#options;
    const isGiven = carryInitialPrompt || this.#isBeginning;
    const initial = isGiven ? this.#initial : [];
    // A prompt that is carried along keeps its place, else what was said last matters most.
    const kept = carryInitialPrompt ? lastOf(this.#since, this.#room - initial.length) : this.#since;
    return [...this.#hotwords, ...lastOf([...initial, ...kept], this.#room)];
  }

  /** A window's tokens, timestamps included, and what it was sampled at. */
  add(tokens: readonly number[], temperature: number): void {
    if (!this.#options.conditionOnPreviousText || temperature > maxTemperature) {
      this.#since = [];
      this.#isBeginning = false;
    } else this.#since = lastOf([...this.#since, ...tokens], this.#room);
  }
}

/** With its full stop: behind a text without, models write texts without. */
function asSentence(words: readonly string[]): string {
  return words.length === 0 ? '' : `${words.join(', ').replace(/[.。!！?？]$/u, '')}.`;
}

function lastOf(tokens: readonly number[], count: number): readonly number[] {
  return tokens.slice(tokens.length - Math.min(Math.max(count, 0), tokens.length));
}

function tooMany(count: number, most: number): UsageError {
  return new UsageError('HOTWORDS_TOO_LONG', `the hotwords are ${count} tokens long, at most ${most} can be expected`, {
    hint: 'name those only that the model does not spell right without',
  });
}
