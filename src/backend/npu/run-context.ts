import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, NativeDevice } from './addon.ts';
import type { AudioMemory } from './audio-memory.ts';
import type { GreedyModels } from './greedy-models.ts';
import type { Masks } from './masks.ts';
import type { RowsModels } from './rows-models.ts';
import type { SequenceMemory } from './sequence-memory.ts';

/** Device, masks and graphs, which all sequences of a backend share. */
export interface RunResources {
  readonly device: NativeDevice;
  readonly dimensions: ModelDimensions;
  readonly masks: Masks;
  readonly rows: RowsModels;
  readonly greedy: GreedyModels;
  /** A constant table: the number i at byte 64 i. */
  readonly positions: BufferSlice;
  /** Whether a graph writes new KV entries directly into the cache; otherwise they are copied there. */
  readonly inPlaceRows: boolean;
}

/** The encoded windows that sequences are decoded over, and the memory that they are decoded in. */
export interface RunContext {
  readonly audio: AudioMemory;
  /** The windows of the sequences are `windows` of those of the audio, from this one on. */
  readonly firstWindow: number;
  readonly windows: number;
  readonly memory: SequenceMemory;
}
