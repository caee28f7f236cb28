import { UsageError } from '../errors.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';

export type Task = 'transcribe' | 'translate';

/**
 * The start tokens, which tell the model the language and the task. English-only models know neither language nor task.
 * Source: transformers generation_whisper.py, _retrieve_init_tokens; openai/whisper tokenizer.py, sot_sequence.
 *
 * @param language Whisper's code
 * @throws UsageError when the model cannot do what is asked of it
 */
export function sotSequence(special: SpecialTokens, language: string, task: Task): number[] {
  if (!special.isMultilingual) {
    if (language === 'en' && task === 'transcribe') return [special.sot];
    throw new UsageError('MODEL_ENGLISH_ONLY', 'this model transcribes English only', {
      hint: 'take a model whose name does not end in .en, such as whisper-base',
    });
  }
  const languageToken = special.languages.get(language);
  if (languageToken === undefined) {
    throw new UsageError('LANGUAGE_UNKNOWN', `this model does not know the language ${language}`, {
      hint: 'whisper-large-v3 and whisper-large-v3-turbo know the most languages',
    });
  }
  return [special.sot, languageToken, special[task]];
}

/**
 * The most tokens of the previous text in a prompt; with the start tokens and the longest new text they fill the context.
 * Source: openai/whisper decoding.py, _get_initial_tokens.
 */
export function maxPreviousTokens(nTextCtx: number): number {
  return Math.floor(nTextCtx / 2) - 1;
}

export interface Prompt {
  readonly tokens: readonly number[];
  /** The index of the start token, whose logits contain the no-speech probability. */
  readonly sotIndex: number;
}

/**
 * The prompt of a window: the end of the previous text, the start tokens, and the prefix of the new text.
 *
 * @param previous tokens of the previous text; empty for none
 * @param prefix tokens that the new text has to begin with
 */
export function windowPrompt(
  special: SpecialTokens,
  start: { readonly language: string; readonly task: Task; readonly timestamps: boolean },
  context: { readonly previous: readonly number[]; readonly prefix: readonly number[]; readonly nTextCtx: number },
): Prompt {
  const { previous, prefix, nTextCtx } = context;
  const kept = previous.slice(-maxPreviousTokens(nTextCtx));
  const before = kept.length === 0 ? [] : [special.startOfPrev, ...kept];
  const sot = sotSequence(special, start.language, start.task);
  const mode = start.timestamps ? [] : [special.noTimestamps];
  return { tokens: [...before, ...sot, ...mode, ...prefix], sotIndex: before.length };
}
