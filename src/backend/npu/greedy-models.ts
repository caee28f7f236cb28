import { join } from 'node:path';
import { closeAfter } from '../../errors.ts';
import type { TokenKinds } from '../../model/token-kinds.ts';
import type { BufferSlice, NativeModel } from './addon.ts';
import { allocatePieces } from './device-memory.ts';
import { checkTensors, greedyTensors } from './om-tensors.ts';
import type { OmSource } from './rows-models.ts';

/** An OM of graph/npu-greedy.ts. */
export interface GreedyFile {
  readonly file: string;
  readonly windows: number;
  /** Rows of each window's log that it can look at. */
  readonly capacity: number;
  /** The vocabulary that its rules are of. */
  readonly kinds: TokenKinds;
}

/** Such an OM on the device. */
export interface GreedyModel {
  readonly shape: GreedyFile;
  readonly model: NativeModel;
  /** Bytes of one number of its rows. */
  readonly itemSizeBytes: number;
  /** What is written and read within one visit to the device, so that all texts share it. */
  readonly memory: {
    readonly logits: BufferSlice;
    /** Where new rows go that are copied to their place in a cache. */
    readonly newKv: BufferSlice;
  };
}

/** The OMs of this kind in a folder, by their names: greedy-WINDOWS-CAPACITY-EOT-TIMESTAMPBEGIN.om; the smallest first. */
export function greedyFiles(files: readonly string[]): GreedyFile[] {
  const found = files.flatMap((file): GreedyFile[] => {
    const numbers = (/^greedy-(\d+)-(\d+)-(\d+)-(\d+)\.om$/.exec(file) ?? []).slice(1).map(Number);
    const [windows = 0, capacity = 0, eot = 0, timestampBegin = 0] = numbers;
    return windows > 0 ? [{ file, windows, capacity, kinds: { eot, timestampBegin } }] : [];
  });
  return found.sort((a, b) => a.windows - b.windows);
}

/** The graphs for greedy decoding of a model, each loaded when it is first needed. */
export class GreedyModels {
  readonly files: readonly GreedyFile[];
  readonly #source: OmSource;
  readonly #loaded = new Map<GreedyFile, Promise<GreedyModel>>();

  constructor(files: readonly GreedyFile[], source: OmSource) {
    this.files = files;
    this.#source = source;
  }

  /** @throws NpuError 'NPU_MODEL_MISMATCH', or what ACL says */
  load(shape: GreedyFile): Promise<GreedyModel> {
    const known = this.#loaded.get(shape);
    if (known !== undefined) return known;
    const loading = this.#load(shape);
    this.#loaded.set(shape, loading);
    loading.catch(() => this.#loaded.delete(shape)); // its caller is told, and the next one may try again
    return loading;
  }

  async #load(shape: GreedyFile): Promise<GreedyModel> {
    const { device, directory, dimensions, dtype, load } = this.#source;
    const { nTextLayer, nTextState, nVocab } = dimensions;
    const path = join(directory, shape.file);
    const model = await load(path);
    try {
      checkTensors(path, model, greedyTensors(dimensions, dtype, shape));
      const itemSizeBytes = dtype === 'float16' ? 2 : 4;
      const { slices } = await allocatePieces(device, {
        logits: 4 * shape.windows * nVocab,
        newKv: shape.windows * nTextLayer * 2 * nTextState * itemSizeBytes,
      });
      return { shape, model, itemSizeBytes, memory: slices };
    } catch (error) {
      return closeAfter(error, () => model.close());
    }
  }
}
