import type { StepBatch } from '../backend.ts';
import type { BufferSlice } from './addon.ts';
import type { GreedyModel } from './greedy-models.ts';
import { GreedyQueue } from './greedy-queue.ts';
import { slotsOf, startingState, stateIn, type TimedText, visibleRows } from './greedy-start.ts';
import type { RunParts, RunPlace } from './run-parts.ts';
import { roundedUp } from './step-way.ts';

/** Texts, one over each window of a place, as they go on by themselves. */
export interface GreedyBeginning {
  /** The last tokens of each prompt, as many for each; all before them have been appended. */
  readonly tails: readonly (readonly number[])[];
  /** Where the first of them stand in their texts. */
  readonly positions: readonly number[];
  /** Rows of its window's log that each text has. */
  readonly past: readonly (readonly number[])[];
  /** Where the first of the new rows go in each log. */
  readonly row: number;
  /** Of each text, where the rules of timestamps hold. */
  readonly timed?: readonly TimedText[] | undefined;
  readonly stopToken: number;
  /** The most tokens for each, the stop token included. */
  readonly maxTokens: number;
}

/** Masks on the device, for the first token of each text and for all others. */
export interface PlacedMasks {
  readonly first: BufferSlice;
  readonly others: BufferSlice;
}

export interface GreedyText {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
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
  masks: PlacedMasks,
  throwIfAborted: () => void,
): Promise<{ texts: GreedyText[]; batches: StepBatch[] }> {
  const { tails, positions, row, stopToken, maxTokens } = beginning;
  const { windows } = model.shape;
  const tailLength = tails[0]?.length ?? 0;
  let batchStarted = performance.now();
  const { queue, states } = await begin(parts, place, model, beginning);
  using _ = queue;
  const texts = tails.map(() => ({ tokens: [] as number[], logprobs: [] as number[] }));
  const isGoing = ({ tokens }: GreedyText) => tokens.length < maxTokens && tokens.at(-1) !== stopToken;
  const batches: StepBatch[] = [];
  // By states: those of the tails are the host's, and each step behind them has the next one's.
  const room = parts.dimensions.nTextCtx - Math.max(...positions);
  let [queued, read] = [0, 0];
  while (texts.some(isGoing)) {
    throwIfAborted();
    for (; queue.hasRoom && queued < Math.min(tailLength - 1 + maxTokens, room); queued++) {
      const chooses = queued >= tailLength - 1;
      const mask = queued === tailLength - 1 ? masks.first : masks.others;
      queue.push({ index: queued, row: row + queued, mask, chooses });
    }
    if (queued === read)
      throw new RangeError(`${room + 1} more tokens exceed the model's ${parts.dimensions.nTextCtx}`);
    const first = Math.max(read, tailLength - 1);
    const steps = queued - first;
    const [bytes] = await queue.submit(...(steps > 0 ? [states(first + 1, steps)] : []));
    read = queued;
    if (bytes === undefined) continue;
    for (let step = 0; step < steps; step++) {
      for (const [window, text] of texts.entries()) {
        if (!isGoing(text)) continue;
        const { token, logprob } = stateIn(bytes, step * windows + window);
        text.tokens.push(token);
        text.logprobs.push(logprob);
      }
    }
    const batchEnded = performance.now();
    batches.push({ steps, elapsedMs: batchEnded - batchStarted });
    batchStarted = batchEnded;
  }
  return { texts, batches };
}

/** Has the states of the tails and what they may see brought up with the first steps. */
async function begin(parts: RunParts, place: RunPlace, model: GreedyModel, beginning: GreedyBeginning) {
  const { tails, positions, past, row, timed } = beginning;
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
    return startingState(next, shape.kinds, nVocab, step === tailLength - 1 ? timed?.[window] : undefined);
  });
  const queue = new GreedyQueue(parts, place, model, greedy);
  queue.upload(greedy.states(0, tailLength), slotsOf(starting));
  queue.upload(greedy.visible, visibleRows(past, shape, row, itemSizeBytes));
  return { queue, states: (from: number, count: number) => greedy.states(from, count) };
}
