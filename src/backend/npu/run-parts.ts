import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, NativeDevice } from './addon.ts';
import type { AudioMemory } from './audio-memory.ts';
import type { GreedyModels } from './greedy-models.ts';
import type { Masks } from './masks.ts';
import type { RowsModels } from './rows-models.ts';
import type { TextMemory } from './text-memory.ts';

/** What all texts of a backend share. */
export interface RunParts {
  readonly device: NativeDevice;
  readonly dimensions: ModelDimensions;
  readonly masks: Masks;
  readonly rows: RowsModels;
  readonly greedy: GreedyModels;
  /** A constant table: slot i holds the number i. */
  readonly positions: BufferSlice;
  /** Whether a decoder writes its rows straight into the cache; if not, they are copied there. */
  readonly inPlaceRows: boolean;
}

/** What texts are decoded over, and with. */
export interface RunPlace {
  readonly audio: AudioMemory;
  /** The texts' windows: so many of the audio's, from this one on. */
  readonly firstWindow: number;
  readonly windows: number;
  readonly memory: TextMemory;
}
