import type { BufferSlice, Command } from './addon.ts';
import type { Tensors } from './bound-model.ts';
import { part } from './device-memory.ts';
import { roundedUp } from './execution-plan.ts';
import type { KvCache } from './kv-cache.ts';
import { chunkTokens, type RowChunk, rowChunks, rowInputs, rowsPerWindow, type StepInput } from './row-inputs.ts';
import type { RowsModel } from './rows-models.ts';
import type { RunParts, RunPlace } from './run-parts.ts';
import type { StepOutput } from './step-output.ts';

/**
 * Computes an stepInput with a rows graph: per execution one upload, one execution, a download for each kind of result, in
 * one visit to the device.
 *
 * @param cache where the texts' rows lie and the new ones go; its first region is over the place's first window
 */
export async function executeRows(
  parts: RunParts,
  place: RunPlace,
  { model, cache, stepInput }: { readonly model: RowsModel; readonly cache: KvCache; readonly stepInput: StepInput },
  output: StepOutput,
): Promise<void> {
  const { windows, capacity } = model.shape;
  const stride = windows === 1 ? Math.max(cache.stride, capacity) : capacity;
  await cache.layOut(roundedUp(stepInput.windows, windows), stride, stepInput.end);
  for (const chunk of rowChunks(stepInput, model.shape)) {
    const written = writtenRows(parts, model, cache, stepInput, chunk);
    const tensors = { ...tensorsOf(place, model, cache, chunk, written), ...choiceOf(parts, model, output) };
    const bound = await place.memory.rows(model, tensors);
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
      for (const [i, bytes] of (await parts.device.submit(commands)).entries()) downloads[i]?.take(bytes);
    } catch (error) {
      bound.forget();
      throw error;
    }
  }
}

/** Where an execution writes its new rows, and what has to be copied from there. */
interface WrittenRows {
  /** By window of the graph. */
  readonly slices: readonly BufferSlice[];
  readonly copies: readonly Command[];
}

/** Rows that nobody wants reach beyond the new ones; where that is another window's region, the new ones are copied. */
function writtenRows(
  { inPlaceRows }: RunParts,
  { shape, memory }: RowsModel,
  cache: KvCache,
  stepInput: StepInput,
  { firstWindow, from }: RowChunk,
): WrittenRows {
  const perWindow = shape.rows / shape.windows;
  const row = stepInput.end + from;
  const windows = Array.from({ length: shape.windows }, (_, window) => window);
  if (inPlaceRows && row + perWindow <= cache.stride)
    return { slices: windows.map((window) => cache.rows(firstWindow + window, row, perWindow)), copies: [] };
  const bytes = perWindow * cache.rowBytes;
  const slices = windows.map((window) => part(memory.newKv, window * bytes, bytes));
  const count = Math.min(perWindow, rowsPerWindow(stepInput) - from);
  const copies = windows.slice(0, stepInput.windows - firstWindow).map((window): Command => {
    const to = cache.rows(firstWindow + window, row, count);
    return { kind: 'copy', from: part(memory.newKv, window * bytes, to.sizeBytes), to };
  });
  return { slices, copies };
}

function tensorsOf(
  { audio, firstWindow }: RunPlace,
  { shape, memory, heads }: RowsModel,
  cache: KvCache,
  chunk: RowChunk,
  { slices }: WrittenRows,
): Tensors {
  const { windows, capacity } = shape;
  const { tokens, positions, visible, logits, attention } = memory;
  return {
    ...audio.crossKv(firstWindow + chunk.firstWindow, windows),
    ...Object.fromEntries(slices.map((slice, window) => [`new_kv_${window}`, slice])),
    self_kv: cache.rows(chunk.firstWindow, 0, windows * capacity),
    tokens,
    positions,
    visible,
    logits,
    ...(heads > 0 ? { attention } : {}),
  };
}

/** What a graph that chooses candidates needs and gives beside. */
function choiceOf({ masks }: RunParts, { shape, memory }: RowsModel, { suppress }: StepOutput): Tensors {
  if (shape.candidates === 0) return {};
  return {
    suppress: suppress ?? masks.anyPlace,
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

/** A row of an execution and the token that stands in it. */
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

/** The logits from the first to the last row that somebody wants. */
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
