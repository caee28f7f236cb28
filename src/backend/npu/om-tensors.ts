import { NpuError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { greedySlotSize } from '../../model/greedy-state.ts';
import { visibleWords } from '../../model/visible-entries.ts';
import type { NativeModel, TensorSpec } from './addon.ts';
import type { RowsShape } from './row-inputs.ts';

/** Types and dimensions by the names of tensors. */
export type ExpectedTensors = Readonly<Record<string, readonly [dtype: string, ...dims: number[]]>>;

/** atc names an output `node:index:tensor`. */
export function tensorName(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1);
}

/** Names of a decoder's cross-attention keys and values. */
export function crossNames({ nTextLayer }: ModelDimensions): string[] {
  return Array.from({ length: nTextLayer }, (_, layer) => [`cross_k_${layer}`, `cross_v_${layer}`]).flat();
}

function crossTensors(dimensions: ModelDimensions, dtype: string, dims: readonly number[]): ExpectedTensors {
  return Object.fromEntries(crossNames(dimensions).map((name) => [name, [dtype, ...dims] as const]));
}

/** Of graph/npu-encoder.ts. */
export function encoderTensors(dimensions: ModelDimensions, dtype: string): ExpectedTensors {
  const { nAudioCtx, nAudioState, nMels, nTextState } = dimensions;
  return {
    log_mel: ['float32', 1, nMels, 2 * nAudioCtx],
    encoder_output: ['float32', nAudioCtx, nAudioState],
    ...crossTensors(dimensions, dtype, [nAudioCtx, nTextState]),
  };
}

/** Of graph/npu-decoder.ts. */
export function decoderTensors(dimensions: ModelDimensions, dtype: string, width: number): ExpectedTensors {
  const { nAudioCtx, nTextCtx, nTextLayer, nTextState, nVocab } = dimensions;
  return {
    tokens: ['int32', 1, width],
    position: ['int32', 1],
    self_kv: [dtype, nTextCtx, 1, nTextLayer, 2, nTextState],
    new_kv: [dtype, width, 1, nTextLayer, 2, nTextState],
    logits: ['float32', 1, nVocab],
    ...crossTensors(dimensions, dtype, [nAudioCtx, nTextState]),
  };
}

/**
 * Of graph/npu-rows.ts.
 *
 * @param heads how many heads' scores it gives; 0 for none
 */
export function rowsTensors(
  dimensions: ModelDimensions,
  dtype: string,
  { rows, windows, capacity, candidates }: RowsShape,
  heads: number,
): ExpectedTensors {
  const { nAudioCtx, nTextLayer, nTextState, nVocab } = dimensions;
  const perWindow = rows / windows;
  const newKv = Array.from({ length: windows }, (_, window) => {
    return [`new_kv_${window}`, [dtype, perWindow, nTextLayer, 2, nTextState] as const] as const;
  });
  return {
    tokens: ['int32', rows],
    positions: ['int32', rows],
    visible: ['int32', rows, visibleWords(capacity + perWindow)],
    self_kv: [dtype, windows, capacity, nTextLayer, 2, nTextState],
    ...Object.fromEntries(newKv),
    logits: ['float32', rows, nVocab],
    ...(candidates > 0 ? candidateTensors(rows, nVocab, candidates) : {}),
    ...(heads > 0 ? { attention: ['float32', heads, rows, nAudioCtx] as const } : {}),
    ...crossTensors(dimensions, dtype, [windows, nAudioCtx, nTextState]),
  };
}

/** Of graph/npu-greedy.ts. */
export function greedyTensors(
  dimensions: ModelDimensions,
  dtype: string,
  { windows, capacity }: Pick<RowsShape, 'windows' | 'capacity'>,
): ExpectedTensors {
  const { nAudioCtx, nTextLayer, nTextState, nVocab } = dimensions;
  const newKv = Array.from({ length: windows }, (_, window) => {
    return [`new_kv_${window}`, [dtype, 1, nTextLayer, 2, nTextState] as const] as const;
  });
  return {
    state: ['float32', windows, greedySlotSize],
    suppress: ['float32', nVocab],
    visible: [dtype, windows, capacity],
    self_kv: [dtype, windows, capacity, nTextLayer, 2, nTextState],
    next_state: ['float32', windows, greedySlotSize],
    ...Object.fromEntries(newKv),
    logits: ['float32', windows, nVocab],
    ...crossTensors(dimensions, dtype, [windows, nAudioCtx, nTextState]),
  };
}

function candidateTensors(rows: number, nVocab: number, candidates: number): ExpectedTensors {
  return {
    suppress: ['float32', nVocab],
    ranges: ['int32', rows, 4],
    candidate_tokens: ['int32', rows, candidates],
    candidate_logprobs: ['float32', rows, candidates],
  };
}

/**
 * An OM made for another model, or by an older version of this program, would give nonsense without a word.
 *
 * @throws NpuError 'NPU_MODEL_MISMATCH'
 */
export function checkTensors(path: string, model: NativeModel, expected: ExpectedTensors): void {
  const specs: readonly TensorSpec[] = [...model.inputs, ...model.outputs];
  const found = new Map(specs.map((spec) => [tensorName(spec.name), `${spec.dtype} [${spec.dims.join(', ')}]`]));
  for (const [name, [dtype, ...dims]] of Object.entries(expected)) {
    const wanted = `${dtype} [${dims.join(', ')}]`;
    const actual = found.get(name);
    found.delete(name);
    if (actual === wanted) continue;
    throw mismatch(path, `${name} should be ${wanted} and is ${actual ?? 'missing'}`);
  }
  const [extra] = found.keys();
  if (extra !== undefined) throw mismatch(path, `it has a tensor ${extra} that nothing is known of`);
}

function mismatch(path: string, reason: string): NpuError {
  return new NpuError('NPU_MODEL_MISMATCH', `${path} is not for this model: ${reason}`, {
    hint: 'Convert the model again with `whisper-npu convert`.',
  });
}
