import type { WhisperTokenizer } from '../model/tokenizer.ts';
import type { ResolvedOptions } from './options.ts';

type PromptOptions = Pick<ResolvedOptions, 'conditionOnPreviousText' | 'initialPrompt' | 'carryInitialPrompt'>;

/** Texts drawn at more than this temperature are not passed on. */
const maxTemperature = 0.5;

/** What a window is told of the text before it. Source: openai/whisper transcribe.py, prompt_reset_since. */
export class PreviousText {
  readonly #options: PromptOptions;
  readonly #limit: number;
  readonly #initial: readonly number[];
  #since: number[] = [];
  #isBeginning = true;

  /** @param limit the most tokens that a prompt takes */
  constructor(tokenizer: WhisperTokenizer, limit: number, options: PromptOptions) {
    const { initialPrompt } = options;
    this.#options = options;
    this.#limit = limit;
    this.#initial = initialPrompt === '' ? [] : tokenizer.encode(` ${initialPrompt.trim()}`);
  }

  /** For the next window. */
  get tokens(): readonly number[] {
    if (this.#options.carryInitialPrompt) {
      const rest = Math.max(0, this.#limit - this.#initial.length);
      return [...this.#initial, ...this.#since.slice(this.#since.length - Math.min(rest, this.#since.length))];
    }
    return this.#isBeginning ? [...this.#initial, ...this.#since] : this.#since;
  }

  /** A window's tokens, timestamps included, and what it was sampled at. */
  add(tokens: readonly number[], temperature: number): void {
    if (!this.#options.conditionOnPreviousText || temperature > maxTemperature) {
      this.#since = [];
      this.#isBeginning = false;
    } else this.#since = [...this.#since, ...tokens].slice(-this.#limit);
  }
}
