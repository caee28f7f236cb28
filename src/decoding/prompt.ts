import { UsageError } from '../errors.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';

export type Task = 'transcribe' | 'translate';

/**
 * The tokens that tell the model what to write, without timestamps. English-only models know neither language nor task.
 * Source: transformers generation_whisper.py, _retrieve_init_tokens.
 *
 * @param language Whisper's code
 * @throws UsageError when the model cannot do what is asked of it
 */
export function sotSequence(special: SpecialTokens, language: string, task: Task): number[] {
  if (!special.isMultilingual) {
    if (language === 'en' && task === 'transcribe') return [special.sot, special.noTimestamps];
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
  return [special.sot, languageToken, special[task], special.noTimestamps];
}
