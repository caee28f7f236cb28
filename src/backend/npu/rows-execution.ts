import type { BufferSlice, Command } from './addon.ts';
import type { Tensors } from './bound-model.ts';
import { part } from './device-memory.ts';
import { roundedUp } from './execution-plan.ts';
import type { KvCache } from './kv-cache.ts';
import { chunkTokens, type RowChunk, rowChunks, rowInputs, rowsPerWindow, type StepInput } from './row-inputs.ts';
import type { RowsModel } from './rows-models.ts';
import type { RunContext, RunResources } from './run-context.ts';
import type { StepOutput } from './step-output.ts';

/**
 * Computes a step with a rows graph. Each execution is one submission to the device: an upload, the execution, and a download
 * for each kind of result.
 *
 * @param cache the KV cache, to which new entries are appended; its first region belongs to the first window of the context
 */
export async function executeRows(
  resources: RunResources,
  context: RunContext,
  { model, cache, stepInput }: { readonly model: RowsModel; readonly cache: KvCache; readonly stepInput: StepInput },
  output: StepOutput,
): Promise<void> {
  const { windows, capacity } = model.shape;
  const stride = windows === 1 ? Math.max(cache.stride, capacity) : capacity;
  await cache.arrange(roundedUp(stepInput.windows, windows), stride, stepInput.kvLength);
  for (const chunk of rowChunks(stepInput, model.shape)) {
    const written = newEntries(resources, model, cache, stepInput, chunk);
    const tensors = { ...tensorsOf(context, model, cache, chunk, written), ...choiceOf(resources, model, output) };
    const bound = await context.memory.rows(model, tensors);
    const tokens = chunkTokens(stepInput, model.shape, chunk);
    const downloads = resultsOf(model, stepInput, tokens, output);
    const data = rowInputs(stepInput, model.shape, chunk, (token) => output.rangesOf?.(token));
    const commands: Command[] = [
      { kind: 'upload', to: model.memory.inputs, data },
      bound.execute(tensors),
      ...written.copies,
      ...downloads.map(({ from }): Command => ({ kind: 'download', from })),
    ];
    try {
      for (const [i, bytes] of (await resources.device.submit(commands)).entries()) downloads[i]?.take(bytes);
    } catch (error) {
      bound.forget();
      throw error;
    }
  }
}

/** Where an execution writes its new KV entries, and the commands that copy them into the cache. */
interface NewEntries {
  /** By window of the graph. */
  readonly slices: readonly BufferSlice[];
  readonly copies: readonly Command[];
}

/** Padding rows are written behind the new entries. Where that would be the next window's region, the entries are copied. */
function newEntries(
  { inPlaceRows }: RunResources,
  { shape, memory }: RowsModel,
  cache: KvCache,
  stepInput: StepInput,
  { firstWindow, from }: RowChunk,
): NewEntries {
  const perWindow = shape.rows / shape.windows;
  const entry = stepInput.kvLength + from;
  const windows = Array.from({ length: shape.windows }, (_, window) => window);
  if (inPlaceRows && entry + perWindow <= cache.stride)
    return { slices: windows.map((window) => cache.entries(firstWindow + window, entry, perWindow)), copies: [] };
  const bytes = perWindow * cache.entryBytes;
  const slices = windows.map((window) => part(memory.newKv, window * bytes, bytes));
  const count = Math.min(perWindow, rowsPerWindow(stepInput) - from);
  const copies = windows.slice(0, stepInput.windows - firstWindow).map((window): Command => {
    const to = cache.entries(firstWindow + window, entry, count);
    return { kind: 'copy', from: part(memory.newKv, window * bytes, to.sizeBytes), to };
  });
  return { slices, copies };
}

function tensorsOf(
  { audio, firstWindow }: RunContext,
  { shape, memory, heads }: RowsModel,
  cache: KvCache,
  chunk: RowChunk,
  { slices }: NewEntries,
): Tensors {
  const { windows, capacity } = shape;
  const { tokens, positions, visible, logits, attention } = memory;
  return {
    ...audio.crossKv(firstWindow + chunk.firstWindow, windows),
    ...Object.fromEntries(slices.map((slice, window) => [`new_kv_${window}`, slice])),
    self_kv: cache.entries(chunk.firstWindow, 0, windows * capacity),
    tokens,
    positions,
    visible,
    logits,
    ...(heads > 0 ? { attention } : {}),
  };
}

/** What a graph that chooses candidates needs and gives beside. */
function choiceOf({ masks }: RunResources, { shape, memory }: RowsModel, { suppress }: StepOutput): Tensors {
  if (shape.candidates === 0) return {};
  return {
    suppress: suppress ?? masks.anyMask,
    ranges: memory.ranges,
    candidate_tokens: memory.candidateTokens,
    candidate_logprobs: memory.candidateLogprobs,
  };
}

/** A part of the results, and what to do with its bytes. */
interface Fetched {
  readonly from: BufferSlice;
  readonly take: (bytes: Uint8Array<ArrayBuffer>) => void;
}

/** What to fetch behind an execution: candidates where both sides have them, else logits; and the scores. */
function resultsOf(
  model: RowsModel,
  { firstToken }: StepInput,
  tokens: readonly (number | undefined)[],
  output: StepOutput,
): Fetched[] {
  const all = tokens.map((token) => (token === undefined ? undefined : firstToken + token));
  const wanted: WantedRow[] = all.flatMap((token, row) =>
    token !== undefined && output.wantsRow(token) ? [{ row, token }] : [],
  );
  const { candidates, attention } = output.wanted;
  const isChosen = candidates !== undefined && candidates <= model.shape.candidates;
  const fetched = isChosen ? candidatesOf(model, wanted, output) : logitsOf(model, wanted, output);
  if (attention)
    fetched.push({
      from: model.memory.attention,
      take: (bytes) => output.putAttention(all, model.heads, new Float32Array(bytes.buffer, bytes.byteOffset)),
    });
  return fetched;
}

/** A row of an execution whose results are wanted, and the token in it. */
interface WantedRow {
  readonly row: number;
  readonly token: number;
}

function candidatesOf({ memory, shape }: RowsModel, wanted: readonly WantedRow[], output: StepOutput): Fetched[] {
  const { candidates: from, candidateTokens, candidateLogprobs } = memory;
  const ofRow = (row: number) => [row * shape.candidates, (row + 1) * shape.candidates] as const;
  const take = ({ buffer, byteOffset }: Uint8Array<ArrayBuffer>) => {
    const at = ({ offset }: BufferSlice) => byteOffset + offset - from.offset;
    const tokens = new Int32Array(buffer, at(candidateTokens), candidateTokens.sizeBytes / 4);
    const logprobs = new Float32Array(buffer, at(candidateLogprobs), candidateLogprobs.sizeBytes / 4);
    for (const { row, token } of wanted)
      output.putCandidates(token, tokens.subarray(...ofRow(row)), logprobs.subarray(...ofRow(row)));
  };
  return wanted.length === 0 ? [] : [{ from, take }];
}

/** Downloads the logits from the first to the last wanted row. */
function logitsOf({ memory, shape }: RowsModel, wanted: readonly WantedRow[], output: StepOutput): Fetched[] {
  const [first, last] = [wanted[0], wanted.at(-1)];
  if (first === undefined || last === undefined) return [];
  const rowBytes = memory.logits.sizeBytes / shape.rows;
  // A copy begins at a multiple of 64 bytes, which a row of logits need not.
  const start = Math.floor((first.row * rowBytes) / 64) * 64;
  const take = ({ buffer, byteOffset }: Uint8Array<ArrayBuffer>) => {
    for (const { row, token } of wanted)
      output.putLogits(token, new Float32Array(buffer, byteOffset + row * rowBytes - start, rowBytes / 4));
  };
  return [{ from: part(memory.logits, start, (last.row + 1) * rowBytes - start), take }];
}
