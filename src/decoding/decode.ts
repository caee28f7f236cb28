import { deflateSync } from 'node:zlib';
import type { EncodedAudio } from '../backend/backend.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';
import { beamSearch } from './beam-search.ts';
import { logSumExp } from './log-softmax.ts';
import { type LogitFilter, suppressAtBegin, suppressTokens, timestampRules } from './logit-filters.ts';
import { type Task, windowPrompt } from './prompt.ts';
import type { DecodingRules } from './rules.ts';
import { sampling } from './sampling.ts';
import { type Hypothesis, likeliest, type Search } from './search.ts';

/** How the texts of windows are looked for. Names and defaults are openai/whisper's `DecodingOptions`. */
export interface DecodingOptions {
  readonly task: Task;
  /** Whether segments are given their times. */
  readonly timestamps: boolean;
  /** 0 takes the likeliest tokens, above that they are drawn. */
  readonly temperature: number;
  /** At temperature 0: hypotheses of a beam search; 1 is greedy. */
  readonly beamSize: number;
  /** Above temperature 0: texts that are drawn, of which the likeliest is taken. */
  readonly bestOf: number;
  /** With beams: how long to look on after the first text has ended; 1 stops at `beamSize` ended texts. */
  readonly patience: number;
  /** Favours longer texts, from 0 to 1; by default texts are ranked by their mean log-probability. */
  readonly lengthPenalty?: number;
  /** Tokens of the text before. */
  readonly previous: readonly number[];
  /** Tokens that the text has to begin with. */
  readonly prefix: readonly number[];
  /** More tokens that are never chosen. */
  readonly suppress: readonly number[];
  /** The latest time of the first segment. */
  readonly maxInitialTimestampSeconds: number;
  /** Uniform in [0, 1), for temperatures above 0. */
  readonly random: () => number;
}

export interface DecodingResult {
  readonly language: string;
  readonly temperature: number;
  /** With timestamp tokens where they were asked for; without the prompt and the end token. */
  readonly tokens: readonly number[];
  readonly text: string;
  /** Mean log-probability, the end token counted: sum / (tokens + 1), as openai/whisper has it. */
  readonly avgLogprob: number;
  /** Probability of the no-speech token in place of the first. */
  readonly noSpeechProb: number;
  readonly compressionRatio: number;
}

/** Seconds from one timestamp token to the next. */
export const timestampSeconds = 0.02;

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
  const first = await run.forward({ tokens: prompts.map(({ tokens }) => tokens), logitsFrom: sotIndex }, signal);
  const perWindow = rowsOf(first.logits, special.nVocab, languages.length);
  const noSpeechProbs = perWindow.map(([atSot]) => probability(atSot as Float32Array, special.noSpeech));

  const filters = logitFilters(rules, options);
  const searches = languages.map(() => createSearch(special.eot, options));
  const mostTokens = Math.min(Math.floor(maxLength / 2), maxLength + 1 - promptLength);
  let texts: (readonly Hypothesis[])[] = languages.map(() => [{ tokens: [], sumLogprob: 0 }]);
  let logits = perWindow.map((rows) => rows.slice(-1));
  for (let count = 1; ; count++) {
    const steps = searches.map((search, i) => {
      const before = texts[i] as readonly Hypothesis[];
      const rows = logits[i] as readonly Float32Array[];
      for (const [j, row] of rows.entries())
        for (const filter of filters) filter.apply(row, (before[j] as Hypothesis).tokens);
      return search.update(before, rows);
    });
    const textsBefore = texts.map(({ length }) => length);
    texts = steps.map(({ hypotheses }) => hypotheses);
    if (count === mostTokens || steps.every(({ isComplete }) => isComplete)) break;
    const sources = steps.flatMap(({ sources: own }, i) =>
      own.map((source) => i * (textsBefore[i] as number) + source),
    );
    const tokens = texts.flatMap((ofWindow) => ofWindow.map((text) => text.tokens.slice(-1)));
    logits = rowsOf(
      (await run.forward({ tokens, sources, onlyHighest: temperature === 0 }, signal)).logits,
      special.nVocab,
      languages.length,
    );
  }
  return searches.map((search, i) => {
    const best = likeliest(search.finish(texts[i] as readonly Hypothesis[]), options.lengthPenalty);
    const text = tokenizer.decode(best.tokens).trim();
    return {
      language: languages[i] as string,
      temperature,
      tokens: best.tokens,
      text,
      avgLogprob: best.sumLogprob / (best.tokens.length + 1),
      noSpeechProb: noSpeechProbs[i] as number,
      compressionRatio: compressionRatio(text),
    };
  });
}

function logitFilters(rules: DecodingRules, options: DecodingOptions): LogitFilter[] {
  const { special, suppressTokens: always, beginSuppressTokens } = rules;
  const { eot, noTimestamps, timestampBegin } = special;
  const maxInitialIndex = Math.round(options.maxInitialTimestampSeconds / timestampSeconds);
  return [
    suppressAtBegin(beginSuppressTokens),
    suppressTokens([...always, ...options.suppress]),
    ...(options.timestamps ? [timestampRules({ eot, noTimestamps, timestampBegin, maxInitialIndex })] : []),
  ];
}

function createSearch(eot: number, { temperature, beamSize, bestOf, patience, random }: DecodingOptions): Search {
  if (temperature === 0 && beamSize > 1) return beamSearch({ eot, beamSize, patience });
  return sampling({ eot, temperature, texts: temperature === 0 ? 1 : bestOf, random });
}

/** Views [groups, rows, nVocab] as rows by group. */
function rowsOf(logits: Float32Array, nVocab: number, groups: number): Float32Array[][] {
  const perGroup = logits.length / nVocab / groups;
  return Array.from({ length: groups }, (_, group) =>
    Array.from({ length: perGroup }, (_, row) => {
      const start = (group * perGroup + row) * nVocab;
      return logits.subarray(start, start + nVocab);
    }),
  );
}

function probability(logits: Float32Array, token: number): number {
  return Math.exp((logits[token] as number) - logSumExp(logits));
}

/** How much shorter a text becomes when deflated; a text that repeats itself becomes much shorter. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length / deflateSync(bytes).length;
}
