import type { GreedyRequest, GreedySequence, StepBatch } from '../backend.ts';
import { isUnfinished } from '../greedy.ts';
import type { BufferSlice } from './addon.ts';
import { part } from './device-memory.ts';
import { roundedUp } from './execution-plan.ts';
import type { GreedyMemory } from './greedy-memory.ts';
import type { GreedyModel } from './greedy-models.ts';
import { GreedyQueue } from './greedy-queue.ts';
import { slotsOf, startingState, stateIn, visibleEntries } from './greedy-start.ts';
import type { RunContext, RunResources } from './run-context.ts';
import { slotBytes } from './sequence-memory.ts';

/** Where greedy decoding on the device starts: sequences, one over each window of a context. */
export interface GreedyStart {
  /** The last tokens of each prompt, the same number for each; all earlier tokens have been appended. */
  readonly promptTails: readonly (readonly number[])[];
  /** The position of the first of them in each sequence. */
  readonly positions: readonly number[];
  /** The entries of each sequence, as indices into the KV cache region of its window. */
  readonly pastEntries: readonly (readonly number[])[];
  /** How many entries each region has; new ones are written behind them. */
  readonly kvLength: number;
}

/** A request whose masks are on the device. */
export interface UploadedRequest extends Pick<GreedyRequest, 'timestamps' | 'stopToken' | 'maxTokens'> {
  /** For the first token of each sequence, and for all others. */
  readonly masks: { readonly first: BufferSlice; readonly others: BufferSlice };
}

/**
 * Decodes sequences greedily without sending tokens to the host and back: a step reads the state of each sequence from a buffer
 * on the device, appends its token and writes the next state behind it. The host queues several steps, waits once and downloads
 * their states. Sequences that have ended are continued with the others, and what they get is ignored.
 *
 * @param throwIfAborted called before every batch of steps
 */
export async function decodeGreedilyOnDevice(
  resources: RunResources,
  context: RunContext,
  model: GreedyModel,
  start: GreedyStart,
  request: UploadedRequest,
  throwIfAborted: () => void,
): Promise<{ sequences: GreedySequence[]; batches: StepBatch[] }> {
  const { promptTails, positions, kvLength } = start;
  const { masks, maxTokens } = request;
  const { windows } = model.shape;
  const { nTextCtx } = resources.dimensions;
  // The steps before this one append prompt tokens; what they choose is ignored.
  const firstWantedStep = (promptTails[0]?.length ?? 1) - 1;
  let batchStarted = performance.now();
  const { queue, memory } = await prepare(resources, context, model, start, request.timestamps);
  using _ = queue;
  const sequences = promptTails.map(() => ({
    tokens: [] as number[],
    logprobs: [] as number[],
    logprobErrors: [] as number[],
  }));
  const batches: StepBatch[] = [];
  const stepLimit = Math.min(firstWantedStep + maxTokens, nTextCtx - Math.max(...positions));
  let [queued, read] = [0, 0];
  while (sequences.some((sequence) => isUnfinished(sequence, request))) {
    throwIfAborted();
    for (; queue.hasRoom && queued < stepLimit; queued++) {
      const mask = queued === firstWantedStep ? masks.first : masks.others;
      queue.push({ index: queued, entry: kvLength + queued, mask, chooses: queued >= firstWantedStep });
    }
    if (queued === read) throw new RangeError(`${nTextCtx + 1} tokens exceed the model's ${nTextCtx}`);
    const first = Math.max(read, firstWantedStep);
    const steps = Math.max(0, queued - first);
    const [bytes] = await queue.submit(...(steps > 0 ? [memory.states(first + 1, steps)] : []));
    read = queued;
    if (bytes === undefined) continue;
    for (let step = 0; step < steps; step++) {
      for (const [window, sequence] of sequences.entries()) {
        if (!isUnfinished(sequence, request)) continue;
        const { token, logprob } = stateIn(bytes, step * windows + window);
        sequence.tokens.push(token);
        sequence.logprobs.push(logprob);
        sequence.logprobErrors.push(0);
      }
    }
    const batchEnded = performance.now();
    batches.push({ steps, elapsedMs: batchEnded - batchStarted });
    batchStarted = batchEnded;
  }
  return { sequences, batches };
}

/**
 * Appends the tails of prompts and computes how likely some tokens are behind them.
 *
 * @param mask a mask of zeros on the device
 * @returns log-probabilities, f32 [sequences, wantedTokens.length]
 */
export async function nextLogprobsOnDevice(
  resources: RunResources,
  context: RunContext,
  model: GreedyModel,
  start: GreedyStart,
  mask: BufferSlice,
  wantedTokens: readonly number[],
): Promise<Float32Array> {
  const { promptTails, kvLength } = start;
  const { nVocab } = resources.dimensions;
  const { queue, memory } = await prepare(resources, context, model, start, undefined);
  using _ = queue;
  const count = promptTails[0]?.length ?? 0;
  for (let index = 0; index < count; index++) {
    if (!queue.hasRoom) await queue.submit();
    queue.push({ index, entry: kvLength + index, mask, chooses: index === count - 1 });
  }
  // A copy begins at a multiple of 64 bytes.
  const starts = promptTails.map(
    (_tail, sequence) => Math.floor((4 * (sequence * nVocab + Math.min(...wantedTokens))) / slotBytes) * slotBytes,
  );
  const logits = starts.map((start, sequence) => {
    return part(model.memory.logits, start, 4 * (sequence * nVocab + Math.max(...wantedTokens) + 1) - start);
  });
  const [states, ...pieces] = await queue.submit(memory.states(count, 1), ...logits);
  if (states === undefined) throw new Error('a download has a result');
  return Float32Array.from(
    pieces.flatMap((bytes, sequence) => {
      const values = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const { logSum } = stateIn(states, sequence);
      const logit = (token: number) =>
        values.getFloat32(4 * (sequence * nVocab + token) - (starts[sequence] as number), true);
      return wantedTokens.map((token) => logit(token) - logSum);
    }),
  );
}

/** Queues the upload of the states of the prompt tails and of their attention mask, before the first steps. */
async function prepare(
  resources: RunResources,
  context: RunContext,
  model: GreedyModel,
  { promptTails, positions, pastEntries, kvLength }: GreedyStart,
  timestamps: GreedyRequest['timestamps'],
): Promise<{ queue: GreedyQueue; memory: GreedyMemory }> {
  const { shape, itemSizeBytes } = model;
  const { windows, capacity } = shape;
  const { audio, firstWindow, memory } = context;
  const { nVocab } = resources.dimensions;
  const stride = windows === 1 ? Math.max(memory.cache.stride, capacity) : capacity;
  await memory.cache.arrange(roundedUp(context.windows, windows), stride, kvLength);
  const newKv = Array.from({ length: windows }, (_, window) => [
    `new_kv_${window}`,
    memory.cache.entries(window, kvLength, 1),
  ]);
  const greedy = await memory.greedy(model, {
    ...audio.crossKv(firstWindow, windows),
    self_kv: memory.cache.entries(0, 0, windows * capacity),
    suppress: resources.masks.anyMask,
    ...Object.fromEntries(newKv),
  });
  const tailLength = promptTails[0]?.length ?? 0;
  const states = Array.from({ length: tailLength * windows }, (_, i) => {
    const [step, window] = [Math.floor(i / windows), i % windows];
    // The graph may have more windows than the context: these get a sequence as well, which is ignored.
    const token = promptTails[window]?.[step] ?? 0;
    const next = { token, position: (positions[window] ?? 0) + step, entry: kvLength + step };
    const sequence = step === tailLength - 1 ? timestamps?.sequences[window] : undefined;
    const timed =
      sequence === undefined || timestamps === undefined ? undefined : { rules: timestamps.rules, sequence };
    return startingState(next, shape.kinds, nVocab, timed);
  });
  const queue = new GreedyQueue(resources, context, model, greedy);
  queue.upload(greedy.states(0, tailLength), slotsOf(states));
  queue.upload(greedy.visible, visibleEntries(pastEntries, shape, kvLength, itemSizeBytes));
  return { queue, memory: greedy };
}
