import type { GreedyRequest, GreedyText, StepBatch } from '../backend.ts';
import { isGoing } from '../greedy.ts';
import type { BufferSlice } from './addon.ts';
import { part } from './device-memory.ts';
import { roundedUp } from './execution-plan.ts';
import type { GreedyMemory } from './greedy-memory.ts';
import type { GreedyModel } from './greedy-models.ts';
import { GreedyQueue } from './greedy-queue.ts';
import { slotsOf, startingState, stateIn, visibleRows } from './greedy-start.ts';
import type { RunParts, RunPlace } from './run-parts.ts';
import { slotBytes } from './text-memory.ts';

/** Texts, one over each window of a place, from where they go on by themselves. */
export interface GreedyBeginning {
  /** The last tokens of each prompt, as many for each; all before them have been appended. */
  readonly tails: readonly (readonly number[])[];
  /** Where the first of them stand in their texts. */
  readonly positions: readonly number[];
  /** Rows of its window's log that each text has. */
  readonly past: readonly (readonly number[])[];
  /** Where the first of the new rows go in each log. */
  readonly row: number;
}

/** A request whose masks are on the device. */
export interface PlacedRequest extends Pick<GreedyRequest, 'timestamps' | 'stopToken' | 'maxTokens'> {
  /** For the first token of each text, and for all others. */
  readonly masks: { readonly first: BufferSlice; readonly others: BufferSlice };
}

/**
 * Decodes texts greedily, with no token on its way through the host: a step reads states from a ring on the device, appends their
 * tokens and writes the next states behind them. The host queues several steps, waits once and reads what came out; texts that
 * have ended go on in vain until all have.
 *
 * @param throwIfAborted asked before every batch of steps
 */
export async function decodeOnDevice(
  parts: RunParts,
  place: RunPlace,
  model: GreedyModel,
  beginning: GreedyBeginning,
  request: PlacedRequest,
  throwIfAborted: () => void,
): Promise<{ texts: GreedyText[]; batches: StepBatch[] }> {
  const { tails, positions, row } = beginning;
  const { masks, maxTokens } = request;
  const { windows } = model.shape;
  const { nTextCtx } = parts.dimensions;
  // Which step is the first to choose a token that is wanted: those before it append what the host knows.
  const firstChoice = (tails[0]?.length ?? 1) - 1;
  let batchStarted = performance.now();
  const { queue, memory } = await begin(parts, place, model, beginning, request.timestamps);
  using _ = queue;
  const texts = tails.map(() => ({ tokens: [] as number[], logprobs: [] as number[], logprobErrors: [] as number[] }));
  const batches: StepBatch[] = [];
  const most = Math.min(firstChoice + maxTokens, nTextCtx - Math.max(...positions));
  let [queued, read] = [0, 0];
  while (texts.some((text) => isGoing(text, request))) {
    throwIfAborted();
    for (; queue.hasRoom && queued < most; queued++) {
      const mask = queued === firstChoice ? masks.first : masks.others;
      queue.push({ index: queued, row: row + queued, mask, chooses: queued >= firstChoice });
    }
    if (queued === read) throw new RangeError(`${nTextCtx + 1} tokens exceed the model's ${nTextCtx}`);
    const first = Math.max(read, firstChoice);
    const steps = Math.max(0, queued - first);
    const [bytes] = await queue.submit(...(steps > 0 ? [memory.states(first + 1, steps)] : []));
    read = queued;
    if (bytes === undefined) continue;
    for (let step = 0; step < steps; step++) {
      for (const [window, text] of texts.entries()) {
        if (!isGoing(text, request)) continue;
        const { token, logprob } = stateIn(bytes, step * windows + window);
        text.tokens.push(token);
        text.logprobs.push(logprob);
        text.logprobErrors.push(0);
      }
    }
    const batchEnded = performance.now();
    batches.push({ steps, elapsedMs: batchEnded - batchStarted });
    batchStarted = batchEnded;
  }
  return { texts, batches };
}

/**
 * Appends the tails of prompts and asks how likely some tokens are behind them.
 *
 * @param mask a mask of zeros on the device
 * @returns log-probabilities, f32 [texts, of.length]
 */
export async function askDevice(
  parts: RunParts,
  place: RunPlace,
  model: GreedyModel,
  beginning: GreedyBeginning,
  mask: BufferSlice,
  of: readonly number[],
): Promise<Float32Array> {
  const { tails, row } = beginning;
  const { nVocab } = parts.dimensions;
  const { queue, memory } = await begin(parts, place, model, beginning, undefined);
  using _ = queue;
  const count = tails[0]?.length ?? 0;
  for (let index = 0; index < count; index++) {
    if (!queue.hasRoom) await queue.submit();
    queue.push({ index, row: row + index, mask, chooses: index === count - 1 });
  }
  // A copy begins at a multiple of 64 bytes.
  const starts = tails.map(
    (_tail, text) => Math.floor((4 * (text * nVocab + Math.min(...of))) / slotBytes) * slotBytes,
  );
  const logits = starts.map((start, text) => {
    return part(model.memory.logits, start, 4 * (text * nVocab + Math.max(...of) + 1) - start);
  });
  const [states, ...pieces] = await queue.submit(memory.states(count, 1), ...logits);
  if (states === undefined) throw new Error('a download has a result');
  return Float32Array.from(
    pieces.flatMap((bytes, text) => {
      const values = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const { logSum } = stateIn(states, text);
      const logit = (token: number) => values.getFloat32(4 * (text * nVocab + token) - (starts[text] as number), true);
      return of.map((token) => logit(token) - logSum);
    }),
  );
}

/** Has the states of the tails and what they may see brought up with the first steps. */
async function begin(
  parts: RunParts,
  place: RunPlace,
  model: GreedyModel,
  { tails, positions, past, row }: GreedyBeginning,
  timestamps: GreedyRequest['timestamps'],
): Promise<{ queue: GreedyQueue; memory: GreedyMemory }> {
  const { shape, itemSizeBytes } = model;
  const { windows, capacity } = shape;
  const { audio, firstWindow, memory } = place;
  const { nVocab } = parts.dimensions;
  const stride = windows === 1 ? Math.max(memory.cache.stride, capacity) : capacity;
  await memory.cache.layOut(roundedUp(place.windows, windows), stride, row);
  const newKv = Array.from({ length: windows }, (_, window) => [`new_kv_${window}`, memory.cache.rows(window, row, 1)]);
  const greedy = await memory.greedy(model, {
    ...audio.crossKv(firstWindow, windows),
    self_kv: memory.cache.rows(0, 0, windows * capacity),
    suppress: parts.masks.anyPlace,
    ...Object.fromEntries(newKv),
  });
  const tailLength = tails[0]?.length ?? 0;
  const starting = Array.from({ length: tailLength * windows }, (_, i) => {
    const [step, window] = [Math.floor(i / windows), i % windows];
    // Windows that the graph has and the place has not are given a text, too.
    const token = tails[window]?.[step] ?? 0;
    const next = { token, position: (positions[window] ?? 0) + step, row: row + step };
    const text = step === tailLength - 1 ? timestamps?.texts[window] : undefined;
    const timed = text === undefined || timestamps === undefined ? undefined : { rules: timestamps.rules, text };
    return startingState(next, shape.kinds, nVocab, timed);
  });
  const queue = new GreedyQueue(parts, place, model, greedy);
  queue.upload(greedy.states(0, tailLength), slotsOf(starting));
  queue.upload(greedy.visible, visibleRows(past, shape, row, itemSizeBytes));
  return { queue, memory: greedy };
}
