import type { EncodedAudio } from '../backend/backend.ts';
import { logSumExp } from '../logits/log-softmax.ts';
import { rowsOf } from '../logits/rows.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';
import { avgLogprobOf } from './avg-logprob.ts';
import { compressionRatio } from './compression-ratio.ts';
import { decodeWindowsGreedily } from './greedy-decoding.ts';
import { searchHypotheses } from './hypothesis-search.ts';
import { logitFilters } from './logit-filters.ts';
import type { DecodingOptions } from './options.ts';
import { type Prompt, windowPrompt } from './prompt.ts';
import type { DecodingRules } from './rules.ts';
import { scoredHypothesis } from './score-sequence.ts';
import type { Hypothesis } from './search.ts';

export interface DecodingResult {
  readonly language: string;
  readonly temperature: number;
  /** With timestamp tokens where they were asked for; without the prompt and the end token. */
  readonly tokens: readonly number[];
  readonly text: string;
  /** As avg-logprob.ts has it. */
  readonly avgLogprob: number;
  /** Probability of the no-speech token in context of the first. */
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
  const maxTokens = Math.min(Math.floor(maxLength / 2), maxLength + 1 - promptLength);
  const isGreedy = temperature === 0 && options.beamSize === 1;
  const { noSpeechProbs, best } = await (isGreedy ? greedyHypotheses() : searchedHypotheses());
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

  async function greedyHypotheses(): Promise<Decoded> {
    const beginnings = prompts.map(({ tokens }) => tokens.slice(0, sotIndex + 1));
    const noSpeech = await run.nextLogprobs(beginnings, [special.noSpeech], signal);
    const rests = prompts.map(({ tokens }) => tokens.slice(sotIndex));
    const sequences = await decodeWindowsGreedily(run, { rules, options, maxTokens }, rests, signal);
    const filters = logitFilters(rules, options);
    const best: Hypothesis[] = [];
    for (const [i, sequence] of sequences.entries()) {
      const { tokens: prompt } = prompts[i] as Prompt;
      const context = { audio, window: window ?? i, prompt, filters, eot: special.eot, nVocab: special.nVocab };
      best.push(await scoredHypothesis(sequence, options.logprobThreshold, context, signal));
    }
    return { noSpeechProbs: Array.from(noSpeech, Math.exp), best };
  }

  async function searchedHypotheses(): Promise<Decoded> {
    const first = await run.forward({ tokens: prompts.map(({ tokens }) => tokens), logitsFrom: sotIndex }, signal);
    const perWindow = rowsOf(first.logits, special.nVocab, languages.length);
    const noSpeechProbs = perWindow.map(([atSot]) => probability(atSot as Float32Array, special.noSpeech));
    const logits = perWindow.map((rows) => rows.at(-1) as Float32Array);
    return { noSpeechProbs, best: await searchHypotheses(run, { rules, options, logits, maxTokens }, signal) };
  }
}

/** The results of decoding, one for each window. */
interface Decoded {
  readonly noSpeechProbs: readonly number[];
  readonly best: readonly Hypothesis[];
}

function probability(logits: Float32Array, token: number): number {
  return Math.exp((logits[token] as number) - logSumExp(logits));
}
