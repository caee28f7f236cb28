import type { EncodedAudio } from '../backend/backend.ts';
import { sotSequence } from '../decoding/prompt.ts';
import { logSumExp } from '../logits/log-softmax.ts';
import { timestampSeconds } from '../logits/timestamp-rules.ts';
import type { LoadedModel } from './loaded-model.ts';
import { medianFilter, warp } from './warp.ts';
import { splitIntoWords } from './word-split.ts';

/** A word with its times in its window. */
export interface AlignedWord {
  text: string;
  tokens: readonly number[];
  startSeconds: number;
  endSeconds: number;
  readonly probability: number;
  /** Which of the window's segments it stands in: no word goes over from one to the next. */
  readonly segment: number;
}

/** What was said in a window. */
export interface SpokenText {
  /** Text tokens only, segment by segment. */
  readonly segments: readonly (readonly number[])[];
  readonly language: string;
  readonly task: 'transcribe' | 'translate';
}

/** Tokens that are looked at together, so that their logits (200 kB each) are never all in memory. */
const stride = 64;
const medianWidth = 7;

/**
 * Finds when each word was said: the attention of a few heads to the audio, while the text is read again, is warped into
 * a path through time. Source: openai/whisper timing.py, find_alignment.
 *
 * @param frameCount frames of 10 ms that hold audio; behind them the window is padding
 */
export async function alignWords(
  model: LoadedModel,
  audio: EncodedAudio,
  { window, frameCount }: { readonly window: number; readonly frameCount: number },
  { segments, language, task }: SpokenText,
  signal?: AbortSignal,
): Promise<AlignedWord[]> {
  const tokens = segments.flat();
  const { special } = model.tokenizer;
  if (tokens.length === 0) return [];
  const start = sotSequence(special, language, task);
  const fed = [...start, special.noTimestamps, ...tokens, special.eot];
  const columnCount = Math.max(1, Math.floor(frameCount / 2));
  const { heads, probabilities } = await readAgain(model, audio, window, { fed, start, columnCount }, signal);

  // A row per text token and one for the end: the attention with which each was foretold.
  const rowCount = tokens.length + 1;
  const costs = new Float64Array(rowCount * columnCount);
  for (const scores of heads) {
    const weights = normalisedAttention(scores, fed.length, columnCount);
    for (let row = 0; row < rowCount; row++) {
      const from = (start.length + row) * columnCount;
      const smooth = medianFilter(weights.subarray(from, from + columnCount), medianWidth);
      for (const [i, weight] of smooth.entries())
        costs[row * columnCount + i] = (costs[row * columnCount + i] as number) - weight / heads.length;
    }
  }
  return wordsOn(warp(costs, rowCount, columnCount), { segments, language, probabilities }, model);
}

interface Reading {
  /** Per alignment head its scores, [fed tokens, columnCount]. */
  readonly heads: readonly Float32Array[];
  /** Of each text token. */
  readonly probabilities: readonly number[];
}

async function readAgain(
  { tokenizer, backend }: LoadedModel,
  audio: EncodedAudio,
  window: number,
  { fed, start, columnCount }: { fed: readonly number[]; start: readonly number[]; columnCount: number },
  signal: AbortSignal | undefined,
): Promise<Reading> {
  const { eot, nVocab } = tokenizer.special;
  const { nAudioCtx } = backend.dimensions;
  await using run = await audio.startDecoder(window);
  const heads: Float32Array[] = [];
  const probabilities: number[] = [];
  for (let from = 0; from < fed.length; from += stride) {
    const part = fed.slice(from, from + stride);
    const { logits, attention } = await run.forward({ tokens: [part], logitsFrom: 0, attention: true }, signal);
    if (attention === undefined) throw new Error('attention was asked for');
    const headCount = attention.length / (part.length * nAudioCtx);
    for (let head = 0; head < headCount; head++) {
      heads[head] ??= new Float32Array(fed.length * columnCount);
      for (let row = 0; row < part.length; row++) {
        const at = (head * part.length + row) * nAudioCtx;
        heads[head]?.set(attention.subarray(at, at + columnCount), (from + row) * columnCount);
      }
    }
    for (let row = 0; row < part.length; row++) {
      const next = fed[from + row + 1];
      if (from + row < start.length || next === undefined || next === eot) continue;
      // Among text tokens only.
      const ofRow = logits.subarray(row * nVocab, row * nVocab + eot);
      probabilities.push(Math.exp((ofRow[next] as number) - logSumExp(ofRow)));
    }
  }
  return { heads, probabilities };
}

/** Softmax over time, then each moment's mean and deviation over the tokens taken out. */
function normalisedAttention(scores: Float32Array, rowCount: number, columnCount: number): Float64Array {
  const weights = new Float64Array(rowCount * columnCount);
  for (let row = 0; row < rowCount; row++) {
    const ofRow = scores.subarray(row * columnCount, (row + 1) * columnCount);
    const norm = logSumExp(ofRow);
    for (const [i, score] of ofRow.entries()) weights[row * columnCount + i] = Math.exp(score - norm);
  }
  for (let column = 0; column < columnCount; column++) {
    let mean = 0;
    for (let row = 0; row < rowCount; row++) mean += (weights[row * columnCount + column] as number) / rowCount;
    let variance = 0;
    for (let row = 0; row < rowCount; row++)
      variance += ((weights[row * columnCount + column] as number) - mean) ** 2 / rowCount;
    const deviation = Math.sqrt(variance);
    for (let row = 0; row < rowCount; row++) {
      const at = row * columnCount + column;
      weights[at] = ((weights[at] as number) - mean) / deviation;
    }
  }
  return weights;
}

/** A word begins where the path reaches its first token and ends where it reaches the next word's. */
function wordsOn(
  { rows, columns }: ReturnType<typeof warp>,
  { segments, language, probabilities }: Pick<SpokenText, 'segments' | 'language'> & Pick<Reading, 'probabilities'>,
  { tokenizer }: LoadedModel,
): AlignedWord[] {
  const arrivals = columns
    .filter((_, i) => i === 0 || rows[i] !== rows[i - 1])
    .map((column) => column * timestampSeconds);
  const words = segments.flatMap((tokens, segment) =>
    splitIntoWords(tokens, language, tokenizer).map((word) => ({ ...word, segment })),
  );
  let at = 0;
  return words.map(({ text, tokens, segment }) => {
    const [from, to] = [at, at + tokens.length];
    at = to;
    const own = probabilities.slice(from, to);
    return {
      text,
      tokens,
      segment,
      startSeconds: arrivals[from] ?? 0,
      endSeconds: arrivals[to] ?? 0,
      probability: own.reduce((sum, probability) => sum + probability, 0) / own.length,
    };
  });
}
