import type { TokenKinds } from '../../model/token-kinds.ts';
import type { BufferSlice, NativeModel } from './addon.ts';
import { allocatePieces } from './device-memory.ts';
import { type OmModels, type OmSource, omModels } from './om-models.ts';
import { checkTensors, greedyTensors } from './om-tensors.ts';

/** An OM of graph/npu-greedy.ts. */
export interface GreedyFile {
  readonly file: string;
  readonly windows: number;
  /** How many entries of each window's KV cache it attends to. */
  readonly capacity: number;
  /** The vocabulary whose timestamp rules it applies. */
  readonly kinds: TokenKinds;
}

/** Such an OM on the device. */
export interface GreedyModel {
  readonly shape: GreedyFile;
  readonly model: NativeModel;
  /** Bytes of an element of the KV cache. */
  readonly itemSizeBytes: number;
  /** Memory that is written and read within one submission to the device, so that all sequences share it. */
  readonly memory: {
    readonly logits: BufferSlice;
    /** Where new KV entries are written before they are copied into a cache. */
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

/** The graphs for greedy decoding of a model. */
export type GreedyModels = OmModels<GreedyFile, GreedyModel>;

export function greedyModels(files: readonly GreedyFile[], source: OmSource): GreedyModels {
  const { device, dimensions, dtype } = source;
  const { nTextLayer, nTextState, nVocab } = dimensions;
  const itemSizeBytes = dtype === 'float16' ? 2 : 4;
  return omModels(files, source, async (path, model, shape) => {
    checkTensors(path, model, greedyTensors(dimensions, dtype, shape));
    const { slices } = await allocatePieces(device, {
      logits: 4 * shape.windows * nVocab,
      newKv: shape.windows * nTextLayer * 2 * nTextState * itemSizeBytes,
    });
    return { shape, model, itemSizeBytes, memory: slices };
  });
}
