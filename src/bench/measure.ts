import { windows } from '../audio/windows.ts';
import type { EncodedAudio, GreedyRequest, StepBatch } from '../backend/backend.ts';
import { sotSequence } from '../decoding/prompt.ts';
import type { DecodingRules } from '../decoding/rules.ts';
import { UsageError } from '../errors.ts';
import { logMelSpectrogram, nSamples } from '../features/log-mel.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';

/** One pass over the audio, in milliseconds: a value per window of 30 s, or per token. */
export interface RunTimes {
  readonly featuresMs: readonly number[];
  readonly encoderMs: readonly number[];
  readonly prefillMs: readonly number[];
  readonly tokens: readonly TokenTime[];
  /** From samples to text, without what is measured beside it. */
  readonly endToEndMs: number;
  /** Prefill and steps. */
  readonly decodeMs: number;
  /** The end token included. */
  readonly tokenIds: readonly number[];
  readonly text: string;
}

/** A step behind the prefill. */
interface TokenTime {
  /** 1 for the second token. */
  readonly position: number;
  /** Its share of the steps that were waited for together. */
  readonly elapsedMs: number;
}

/** What is measured, and how often. */
export interface MeasurePlan {
  readonly model: LoadedModel;
  /** Mono at 16 kHz. */
  readonly samples: Float32Array;
  readonly request: GreedyRequest;
  readonly runs: number;
  readonly warmupRuns: number;
  readonly signal: AbortSignal;
  /** Called after every run, its time not counted. */
  readonly afterRun?: (done: number, times: RunTimes) => void | Promise<void>;
}

/** Runs one after another. @returns the finished ones: fewer than were asked for where the signal came */
export async function measureRuns(plan: MeasurePlan): Promise<RunTimes[]> {
  const finished: RunTimes[] = [];
  try {
    for (let run = -plan.warmupRuns; run < plan.runs; run++) {
      plan.signal.throwIfAborted();
      const times = await measureRun(plan);
      if (run >= 0) finished.push(times);
      await plan.afterRun?.(finished.length, times);
    }
  } catch (error) {
    if (!plan.signal.aborted) throw error; // what was measured until Ctrl-C is worth having
  }
  return finished;
}

/**
 * What `transcribe` asks of a backend for one window, greedily and without timestamps.
 *
 * @param tokens how many to decode whatever the model says; without it, up to its end token
 * @throws UsageError where the model has no room for that many, or does not know the language
 */
export function benchRequest(rules: DecodingRules, nTextCtx: number, language: string, tokens?: number): GreedyRequest {
  const { special, maxLength } = rules;
  const prompt = [...sotSequence(special, language, 'transcribe'), special.noTimestamps];
  const { beginSuppress, suppress } = rules;
  if (tokens === undefined) {
    const maxTokens = maxLength - prompt.length;
    return { prompts: [prompt], beginSuppress, suppress, stopToken: special.eot, maxTokens, timed: true };
  }
  const most = nTextCtx - prompt.length + 1; // the last token needs no place of its own
  if (tokens > most)
    throw new UsageError('TOKENS_TOO_MANY', `the model has room for ${most} tokens, not for ${tokens}`);
  const withoutEnd = (mask: Float32Array) => mask.with(special.eot, Number.NEGATIVE_INFINITY);
  const masks = { beginSuppress: withoutEnd(beginSuppress), suppress: withoutEnd(suppress) };
  return { prompts: [prompt], ...masks, stopToken: -1, maxTokens: tokens, timed: true };
}

async function measureRun(plan: MeasurePlan): Promise<RunTimes> {
  const runs: RunTimes[] = [];
  const samples = (async function* () {
    yield plan.samples;
  })();
  for await (const window of windows(samples, nSamples)) runs.push(await measureWindow(plan, window));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    featuresMs: runs.flatMap(({ featuresMs }) => featuresMs),
    encoderMs: runs.flatMap(({ encoderMs }) => encoderMs),
    prefillMs: runs.flatMap(({ prefillMs }) => prefillMs),
    tokens: runs.flatMap(({ tokens }) => tokens),
    endToEndMs: sum(runs.map(({ endToEndMs }) => endToEndMs)),
    decodeMs: sum(runs.map(({ decodeMs }) => decodeMs)),
    tokenIds: runs.flatMap(({ tokenIds }) => tokenIds),
    text: runs.map(({ text }) => text).join(''),
  };
}

async function measureWindow({ model, request, signal }: MeasurePlan, window: Float32Array): Promise<RunTimes> {
  const { backend, tokenizer } = model;
  const started = performance.now();
  const logMel = logMelSpectrogram(window, backend.dimensions.nMels);
  const featured = performance.now();
  await using audio = await backend.encode([logMel], signal);
  const encoded = performance.now();
  const { tokens, batches } = await decode(audio, request, signal);
  const decoded = performance.now();
  const text = tokenizer.decode(tokens.at(-1) === request.stopToken ? tokens.slice(0, -1) : tokens);
  const ended = performance.now();
  const [first] = batches;
  return {
    featuresMs: [featured - started],
    encoderMs: [encoded - featured],
    // Where more than the prompt was waited for first, the prompt alone is timed in a text of its own.
    prefillMs: [first?.steps === 1 ? first.elapsedMs : await timePrefill(audio, request, signal)],
    tokens: tokenTimes(batches),
    endToEndMs: ended - started,
    decodeMs: decoded - encoded,
    tokenIds: tokens,
    text,
  };
}

async function decode(
  audio: EncodedAudio,
  request: GreedyRequest,
  signal: AbortSignal,
): Promise<{ tokens: readonly number[]; batches: readonly StepBatch[] }> {
  await using run = await audio.startDecoder();
  const { batches = [], sequences } = await run.greedy(request, signal);
  return { tokens: sequences[0]?.tokens ?? [], batches };
}

/** From the prompt to the first token. */
async function timePrefill(audio: EncodedAudio, request: GreedyRequest, signal: AbortSignal): Promise<number> {
  await using run = await audio.startDecoder();
  const started = performance.now();
  await run.greedy({ ...request, maxTokens: 1 }, signal);
  return performance.now() - started;
}

/** Each batch's time, divided among its steps. The first batch, which holds the prompt, tells nothing of steps alone. */
function tokenTimes(batches: readonly StepBatch[]): TokenTime[] {
  const times: TokenTime[] = [];
  let position = 0;
  for (const [i, { steps, elapsedMs }] of batches.entries()) {
    for (let step = 0; step < steps; step++, position++)
      if (i > 0) times.push({ position, elapsedMs: elapsedMs / steps });
  }
  return times;
}
