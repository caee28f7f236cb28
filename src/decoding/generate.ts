import type { DecoderRun, EncodedAudio } from '../backend/backend.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';
import { avgLogprobOf } from './avg-logprob.ts';
import { type LanguageProbability, rankLanguages } from './language.ts';
import { sotSequence, type Task } from './prompt.ts';
import type { DecodingRules } from './rules.ts';

export interface GenerateOptions {
  /** Whisper's code; the likeliest language is taken where it is absent. */
  readonly language?: string;
  readonly task: Task;
}

export interface GeneratedText {
  readonly language: string;
  /** All languages, likeliest first, where the language was detected. */
  readonly languageProbabilities?: readonly LanguageProbability[];
  /** Text tokens, without the prompt and the end token. */
  readonly tokens: readonly number[];
  /** As avg-logprob.ts has it. */
  readonly avgLogprob: number;
  /** False when the text was cut at the model's limit. */
  readonly complete: boolean;
}

/**
 * Decodes one window greedily without timestamps, with the tokens of transformers' `generate(language, task)`:
 * prompt, suppressed tokens at every step, begin-suppressed ones at the first, arg-max up to the end token or the
 * length limit. Source: transformers generation_whisper.py and logits_process.py.
 */
export async function generate(
  audio: EncodedAudio,
  rules: DecodingRules,
  options: GenerateOptions,
  signal?: AbortSignal,
): Promise<GeneratedText> {
  const { special, suppress, beginSuppress, maxLength } = rules;
  await using run = await audio.startDecoder();
  const { language, languageProbabilities, fed } = await chooseLanguage(run, special, options.language, signal);
  const prompt = [...sotSequence(special, language, options.task), special.noTimestamps];
  const { tokens, logprobs } = await run.greedy(
    {
      prompt: prompt.slice(fed),
      beginSuppress,
      suppress,
      stopToken: special.eot,
      maxTokens: maxLength - prompt.length,
    },
    signal,
  );
  const complete = tokens.at(-1) === special.eot;
  const text = complete ? tokens.slice(0, -1) : tokens;
  const sum = logprobs.reduce((total, logprob) => total + logprob, 0);
  return {
    language,
    ...(languageProbabilities === undefined ? {} : { languageProbabilities }),
    tokens: text,
    avgLogprob: avgLogprobOf(sum, text),
    complete,
  };
}

/** `fed` counts the prompt tokens that detection has already put into the run. */
async function chooseLanguage(
  run: DecoderRun,
  special: SpecialTokens,
  language: string | undefined,
  signal: AbortSignal | undefined,
): Promise<{ language: string; languageProbabilities?: LanguageProbability[]; fed: number }> {
  if (language !== undefined) return { language, fed: 0 };
  if (!special.isMultilingual) return { language: 'en', fed: 0 };
  const { logits } = await run.forward({ tokens: [[special.sot]] }, signal);
  const languageProbabilities = rankLanguages(logits, special);
  const [likeliest] = languageProbabilities;
  if (likeliest === undefined) throw new Error('a multilingual vocabulary has languages');
  return { language: likeliest.language, languageProbabilities, fed: 1 };
}
