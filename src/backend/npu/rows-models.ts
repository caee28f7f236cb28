import { NpuError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { type BufferSlice, type NativeModel, pieceSizeBytes } from './addon.ts';
import { allocatePieces, part } from './device-memory.ts';
import { type OmModels, type OmSource, omModels } from './om-models.ts';
import { checkTensors, rowsTensors, tensorName } from './om-tensors.ts';
import { inputsLayout, type RowsShape, type TensorRange } from './row-inputs.ts';

/** A rows graph (graph/npu-rows.ts) as an OM file. */
export interface RowsFile extends RowsShape {
  readonly file: string;
  /** Whether it returns the scores of the alignment heads. */
  readonly outputsAttention: boolean;
}

/** A loaded rows graph. Upload, execution and download are one submission, so all sequences share its memory. */
export interface RowsModel {
  readonly shape: RowsFile;
  readonly model: NativeModel;
  /** How many alignment heads it returns the scores of. */
  readonly heads: number;
  readonly memory: {
    /** The inputs of an execution, uploaded as one block: the next four. */
    readonly inputs: BufferSlice;
    readonly tokens: BufferSlice;
    readonly positions: BufferSlice;
    readonly ranges: BufferSlice;
    readonly visible: BufferSlice;
    readonly logits: BufferSlice;
    /** Where new KV entries are written that cannot be written directly into a cache. */
    readonly newKv: BufferSlice;
    readonly attention: BufferSlice;
    /** The candidates of each row, downloaded as one block: the next two. */
    readonly candidates: BufferSlice;
    readonly candidateTokens: BufferSlice;
    readonly candidateLogprobs: BufferSlice;
  };
}

/**
 * The OMs of this kind in a folder, by their names: rows-ROWS-WINDOWS-CAPACITY.om, with -CANDIDATES where it gives any, and
 * aligner-ROWS.om.
 */
export function rowsFiles(files: readonly string[], { nTextCtx }: ModelDimensions): RowsFile[] {
  return files.flatMap((file): RowsFile[] => {
    const named = /^rows-(\d+)-(\d+)-(\d+)(?:-(\d+))?\.om$/.exec(file) ?? [];
    const [, rows = 0, windows = 0, capacity = 0, candidates = 0] = named.map((part = '0') => Number(part));
    const [, aligned = 0] = (/^aligner-(\d+)\.om$/.exec(file) ?? []).map(Number);
    if (aligned > 0)
      return [{ file, rows: aligned, windows: 1, capacity: nTextCtx, candidates: 0, outputsAttention: true }];
    return windows > 0 && rows % windows === 0
      ? [{ file, rows, windows, capacity, candidates, outputsAttention: false }]
      : [];
  });
}

/** The rows graphs of a model. */
export type RowsModels = OmModels<RowsFile, RowsModel>;

export function rowsModels(files: readonly RowsFile[], source: OmSource): RowsModels {
  const { device, dimensions, dtype } = source;
  const { nAudioCtx, nTextLayer, nTextState, nVocab } = dimensions;
  const itemSizeBytes = dtype === 'float16' ? 2 : 4;
  return omModels(files, source, async (path, model, shape) => {
    const { rows, candidates, outputsAttention } = shape;
    const scores = model.outputs.find(({ name }) => tensorName(name) === 'attention');
    const heads = outputsAttention ? (scores?.dims[0] ?? 1) : 0;
    checkTensors(path, model, rowsTensors(dimensions, dtype, shape, heads));
    const { sizeBytes, ...inputs } = inputsLayout(shape);
    const chosenBytes = pieceSizeBytes(4 * rows * candidates);
    const { slices } = await allocatePieces(device, {
      inputs: sizeBytes,
      logits: 4 * rows * nVocab,
      newKv: rows * nTextLayer * 2 * nTextState * itemSizeBytes,
      attention: 4 * Math.max(1, heads * rows * nAudioCtx),
      candidates: 2 * chosenBytes,
    });
    const input = ({ offset, sizeBytes: size }: TensorRange) => part(slices.inputs, offset, size);
    const memory = {
      ...slices,
      tokens: input(inputs.tokens),
      positions: input(inputs.positions),
      ranges: input(inputs.ranges),
      visible: input(inputs.visible),
      candidateTokens: part(slices.candidates, 0, 4 * rows * candidates),
      candidateLogprobs: part(slices.candidates, chosenBytes, 4 * rows * candidates),
    };
    return { shape, model, heads, memory };
  });
}

/** The error for a step with attention where no graph returns it. */
export function noAligner(): NpuError {
  return new NpuError('NPU_MODEL_MISSING', 'attention is asked for, and no aligner-N.om has been converted', {
    hint: 'Convert the model with `whisper-npu convert --word-timestamps`.',
  });
}
