import type { DecoderRun, EncodedAudio } from '../backend/backend.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';
import { avgLogprobOf } from './avg-logprob.ts';
import { type LanguageProbability, rankLanguages } from './language.ts';
import { suppressAtBegin, suppressTokens } from './logit-filters.ts';
import { sotSequence, type Task } from './prompt.ts';
import type { DecodingRules } from './rules.ts';
import { scoredHypothesis } from './score-sequence.ts';

export interface GenerateOptions {
  /** Whisper's code; the likeliest language is taken where it is absent. */
  readonly language?: string;
  readonly task: Task;
  /** As DecodingOptions has it. */
  readonly logprobThreshold?: number;
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
  const { language, languageProbabilities } = await chooseLanguage(run, special, options.language, signal);
  const prompt = [...sotSequence(special, language, options.task), special.noTimestamps];
  const {
    sequences: [greedy],
  } = await run.greedy(
    {
      prompts: [prompt],
      beginSuppress,
      suppress,
      stopToken: special.eot,
      maxTokens: maxLength - prompt.length,
    },
    signal,
  );
  if (greedy === undefined) throw new Error('every prompt has a sequence');
  const { eot, nVocab } = special;
  const filters = [suppressAtBegin(rules.beginSuppressTokens), suppressTokens(rules.suppressTokens)];
  const context = { audio, prompt, filters, eot, nVocab };
  const { tokens, sumLogprob } = await scoredHypothesis(greedy, options.logprobThreshold, context, signal);
  return {
    language,
    ...(languageProbabilities === undefined ? {} : { languageProbabilities }),
    tokens,
    avgLogprob: avgLogprobOf(sumLogprob, tokens),
    complete: greedy.tokens.at(-1) === eot,
  };
}

async function chooseLanguage(
  run: DecoderRun,
  special: SpecialTokens,
  language: string | undefined,
  signal: AbortSignal | undefined,
): Promise<{ language: string; languageProbabilities?: LanguageProbability[] }> {
  if (language !== undefined) return { language };
  if (!special.isMultilingual) return { language: 'en' };
  const logprobs = await run.nextLogprobs([[special.sot]], [...special.languages.values()], signal);
  const languageProbabilities = rankLanguages(logprobs, special);
  const [likeliest] = languageProbabilities;
  if (likeliest === undefined) throw new Error('a multilingual vocabulary has languages');
  return { language: likeliest.language, languageProbabilities };
}
