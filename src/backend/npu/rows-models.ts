import { join } from 'node:path';
import { closeAfter } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, NativeDevice, NativeModel } from './addon.ts';
import { allocatePieces, part } from './device-memory.ts';
import { checkTensors, rowsTensors, tensorName } from './om-tensors.ts';
import { inputsLayout, type Placed, type RowsShape } from './row-inputs.ts';

/** An OM of graph/npu-rows.ts. */
export interface RowsFile extends RowsShape {
  readonly file: string;
  /** Whether it gives the alignment heads' scores. */
  readonly attends: boolean;
}

/** Such an OM on the device. An execution is uploaded, run and downloaded in one visit, so all texts share its memory. */
export interface RowsModel {
  readonly shape: RowsFile;
  readonly model: NativeModel;
  /** How many heads' scores it gives. */
  readonly heads: number;
  /** Bytes of one number of its bias and its rows. */
  readonly itemSizeBytes: number;
  readonly memory: {
    /** What comes up for an execution, in one piece: the next three. */
    readonly inputs: BufferSlice;
    readonly tokens: BufferSlice;
    readonly positions: BufferSlice;
    readonly bias: BufferSlice;
    readonly logits: BufferSlice;
    /** Where new rows go that cannot be written to their place in a cache. */
    readonly newKv: BufferSlice;
    readonly attention: BufferSlice;
  };
}

/** The OMs of this kind in a folder, by their names: rows-ROWS-WINDOWS-CAPACITY.om and aligner-ROWS.om. */
export function rowsFiles(files: readonly string[], { nTextCtx }: ModelDimensions): RowsFile[] {
  return files.flatMap((file): RowsFile[] => {
    const [, rows = 0, windows = 0, capacity = 0] = (/^rows-(\d+)-(\d+)-(\d+)\.om$/.exec(file) ?? []).map(Number);
    const [, aligned = 0] = (/^aligner-(\d+)\.om$/.exec(file) ?? []).map(Number);
    if (aligned > 0) return [{ file, rows: aligned, windows: 1, capacity: nTextCtx, attends: true }];
    return windows > 0 && rows % windows === 0 ? [{ file, rows, windows, capacity, attends: false }] : [];
  });
}

/** Where OMs that are loaded when they are first needed come from. */
export interface OmSource {
  readonly device: NativeDevice;
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  /** The cache's type, as numpy names it. */
  readonly dtype: string;
  readonly load: (path: string) => Promise<NativeModel>;
}

/** The rows graphs of a model, each loaded when it is first needed. */
export class RowsModels {
  readonly files: readonly RowsFile[];
  readonly #source: OmSource;
  readonly #loaded = new Map<RowsFile, Promise<RowsModel>>();

  constructor(files: readonly RowsFile[], source: OmSource) {
    this.files = files;
    this.#source = source;
  }

  /** @throws NpuError 'NPU_MODEL_MISMATCH', or what ACL says */
  load(shape: RowsFile): Promise<RowsModel> {
    const known = this.#loaded.get(shape);
    if (known !== undefined) return known;
    const loading = this.#load(shape);
    this.#loaded.set(shape, loading);
    loading.catch(() => this.#loaded.delete(shape)); // its caller is told, and the next one may try again
    return loading;
  }

  async #load(shape: RowsFile): Promise<RowsModel> {
    const { device, directory, dimensions, dtype, load } = this.#source;
    const { nAudioCtx, nTextLayer, nTextState, nVocab } = dimensions;
    const { rows, attends, file } = shape;
    const path = join(directory, file);
    const model = await load(path);
    try {
      const scores = model.outputs.find(({ name }) => tensorName(name) === 'attention');
      const heads = attends ? (scores?.dims[0] ?? 1) : 0;
      checkTensors(path, model, rowsTensors(dimensions, dtype, shape, heads));
      const itemSizeBytes = dtype === 'float16' ? 2 : 4;
      const { sizeBytes, ...inputs } = inputsLayout(shape, itemSizeBytes);
      const { slices } = await allocatePieces(device, {
        inputs: sizeBytes,
        logits: 4 * rows * nVocab,
        newKv: rows * nTextLayer * 2 * nTextState * itemSizeBytes,
        attention: 4 * Math.max(1, heads * rows * nAudioCtx),
      });
      const input = ({ offset, sizeBytes: size }: Placed) => part(slices.inputs, offset, size);
      const { tokens, positions, bias } = inputs;
      const memory = { ...slices, tokens: input(tokens), positions: input(positions), bias: input(bias) };
      return { shape, model, heads, itemSizeBytes, memory };
    } catch (error) {
      return closeAfter(error, () => model.close());
    }
  }
}
