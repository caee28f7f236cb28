import type { EncodedAudio } from '../backend/backend.ts';
import { logSumExp } from '../logits/log-softmax.ts';
import { rowsOf } from '../logits/rows.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';
import { avgLogprobOf } from './avg-logprob.ts';
import { compressionRatio } from './compression-ratio.ts';
import { likeliestTexts } from './likeliest-texts.ts';
import { likeliestTokens } from './likeliest-tokens.ts';
import { logitFilters } from './logit-filters.ts';
import type { DecodingOptions } from './options.ts';
import { type Prompt, windowPrompt } from './prompt.ts';
import type { DecodingRules } from './rules.ts';
import { scored } from './score-text.ts';
import type { Hypothesis } from './search.ts';

export interface DecodingResult {
  readonly language: string;
  readonly temperature: number;
  /** With timestamp tokens where they were asked for; without the prompt and the end token. */
  readonly tokens: readonly number[];
  readonly text: string;
  /** As avg-logprob.ts has it. */
  readonly avgLogprob: number;
  /** Probability of the no-speech token in place of the first. */
  readonly noSpeechProb: number;
  readonly compressionRatio: number;
}

/**
 * Decodes windows together by the rules of openai/whisper (decoding.py, DecodingTask).
 *
 * @param languages Whisper's code for each window that is decoded
 * @param window the only window of the audio to decode; all by default
 */
export async function decode(
  audio: EncodedAudio,
  { tokenizer, rules }: { readonly tokenizer: WhisperTokenizer; readonly rules: DecodingRules },
  languages: readonly string[],
  options: DecodingOptions,
  { window, signal }: { readonly window?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<DecodingResult[]> {
  const { special, maxLength } = rules;
  const { task, timestamps, previous, prefix, temperature } = options;
  const prompts = languages.map((language) =>
    windowPrompt(special, { language, task, timestamps }, { previous, prefix, nTextCtx: maxLength }),
  );
  const [
    {
      tokens: { length: promptLength },
      sotIndex,
    } = { tokens: [], sotIndex: 0 },
  ] = prompts;
  await using run = await audio.startDecoder(window);
  const mostTokens = Math.min(Math.floor(maxLength / 2), maxLength + 1 - promptLength);
  const isGreedy = temperature === 0 && options.beamSize === 1;
  const { noSpeechProbs, best } = await (isGreedy ? greedyTexts() : searchedTexts());
  return best.map(({ tokens, sumLogprob }, i) => {
    const text = tokenizer.decode(tokens).trim();
    return {
      language: languages[i] as string,
      temperature,
      tokens,
      text,
      avgLogprob: avgLogprobOf(sumLogprob, tokens),
      noSpeechProb: noSpeechProbs[i] as number,
      compressionRatio: compressionRatio(text),
    };
  });

  async function greedyTexts(): Promise<Decoded> {
    const beginnings = prompts.map(({ tokens }) => tokens.slice(0, sotIndex + 1));
    const noSpeech = await run.ask(beginnings, [special.noSpeech], signal);
    const ends = prompts.map(({ tokens }) => tokens.slice(sotIndex));
    const texts = await likeliestTokens(run, { rules, options, mostTokens }, ends, signal);
    const filters = logitFilters(rules, options);
    const best: Hypothesis[] = [];
    for (const [i, text] of texts.entries()) {
      const { tokens: prompt } = prompts[i] as Prompt;
      const place = { audio, window: window ?? i, prompt, filters, eot: special.eot, nVocab: special.nVocab };
      best.push(await scored(text, options.logprobThreshold, place, signal));
    }
    return { noSpeechProbs: Array.from(noSpeech, Math.exp), best };
  }

  async function searchedTexts(): Promise<Decoded> {
    const first = await run.forward({ tokens: prompts.map(({ tokens }) => tokens), logitsFrom: sotIndex }, signal);
    const perWindow = rowsOf(first.logits, special.nVocab, languages.length);
    const noSpeechProbs = perWindow.map(([atSot]) => probability(atSot as Float32Array, special.noSpeech));
    const logits = perWindow.map((rows) => rows.at(-1) as Float32Array);
    return { noSpeechProbs, best: await likeliestTexts(run, { rules, options, logits, mostTokens }, signal) };
  }
}

/** What decoding finds over each window. */
interface Decoded {
  readonly noSpeechProbs: readonly number[];
  readonly best: readonly Hypothesis[];
}

function probability(logits: Float32Array, token: number): number {
  return Math.exp((logits[token] as number) - logSumExp(logits));
}
