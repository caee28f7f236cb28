import { closeAfter } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, NativeDevice } from './addon.ts';
import { BoundModel, type Tensors } from './bound-model.ts';
import { allocatePieces, part } from './device-memory.ts';
import { GreedyMemory } from './greedy-memory.ts';
import type { GreedyModel } from './greedy-models.ts';
import { KvCache } from './kv-cache.ts';
import type { LoadedModels } from './model-files.ts';
import type { RowsModel } from './rows-models.ts';

/** Tensors of single steps lie 64 bytes apart, because ACL needs their addresses aligned. */
export const slotBytes = 64;

type Piece = 'tokens' | 'newKv' | 'logits';

/** The memory of the decoders, except for their caches. */
export type SequenceSlices = Readonly<Record<Piece, BufferSlice>>;

export interface SequenceMemoryOptions {
  readonly dimensions: ModelDimensions;
  /** How many steps are queued before tokens are downloaded. */
  readonly queuedSteps: number;
  /** Device memory that all sequences share; `position` is rebound before every step. */
  readonly shared: Readonly<Record<'position', BufferSlice>>;
}

/** The device memory of sequences that are decoded together, allocated once and reused for one audio after another. */
export class SequenceMemory {
  /**
   * `tokens`: the token at position i lies at byte 64 i. `newKv`: where new KV entries are written when they are copied into the
   * cache instead of being written there.
   */
  readonly slices: SequenceSlices;
  readonly cache: KvCache;
  /** Decoders by the number of tokens that they take, the most first; several of a kind, one for each step that is queued. */
  readonly decoders: ReadonlyMap<number, readonly BoundModel[]>;
  readonly #device: NativeDevice;
  readonly #dimensions: ModelDimensions;
  readonly #queuedSteps: number;
  readonly #rows = new Map<RowsModel, BoundModel>();
  readonly #greedy = new Map<GreedyModel, GreedyMemory>();
  #single: KvCache | undefined;

  private constructor(
    device: NativeDevice,
    { dimensions, queuedSteps }: SequenceMemoryOptions,
    resources: Pick<SequenceMemory, 'slices' | 'cache' | 'decoders'>,
  ) {
    this.#device = device;
    this.#dimensions = dimensions;
    this.#queuedSteps = queuedSteps;
    this.slices = resources.slices;
    this.cache = resources.cache;
    this.decoders = resources.decoders;
  }

  /** @param cross keys and values of any window, for bindings that are rebound to the right ones before they run */
  static async open(
    device: NativeDevice,
    models: LoadedModels,
    cross: Tensors,
    options: SequenceMemoryOptions,
  ): Promise<SequenceMemory> {
    const { dimensions, queuedSteps, shared } = options;
    const { nTextCtx, nTextLayer, nTextState, nVocab } = dimensions;
    const entryBytes = nTextLayer * 2 * nTextState * models.itemSizeBytes;
    const widest = Math.max(...models.decoders.keys());
    const { buffer, slices } = await allocatePieces<Piece>(device, {
      tokens: (nTextCtx + 1) * slotBytes,
      newKv: widest * entryBytes,
      logits: 4 * nVocab,
    });
    let cache: KvCache | undefined;
    try {
      cache = await KvCache.open(device, entryBytes, 1, nTextCtx);
      const decoders = new Map<number, BoundModel[]>();
      for (const [width, model] of models.decoders) {
        const tensors = {
          ...cross,
          ...shared,
          self_kv: cache.entries(0, 0, nTextCtx),
          tokens: part(slices.tokens, 0, 4 * width),
          new_kv: part(slices.newKv, 0, width * entryBytes),
          logits: slices.logits,
        };
        const bound: BoundModel[] = [];
        decoders.set(width, bound);
        while (bound.length < (width === 1 ? queuedSteps : 1)) bound.push(await BoundModel.bind(model, tensors));
      }
      return new SequenceMemory(device, options, { slices, cache, decoders });
    } catch (error) {
      return closeAfter(error, async () => {
        await cache?.close();
        await buffer.close();
      });
    }
  }

  /** A rows graph, bound once; `tensors` has memory for every tensor, also for those that are rebound before each step. */
  async rows(model: RowsModel, tensors: Tensors): Promise<BoundModel> {
    const known = this.#rows.get(model);
    if (known !== undefined) return known;
    const bound = await BoundModel.bind(model.model, tensors);
    this.#rows.set(model, bound);
    return bound;
  }

  /** The memory of greedy decoding with a graph; `tensors` has memory for every tensor, also for those that are rebound before each step. */
  async greedy(model: GreedyModel, tensors: Tensors): Promise<GreedyMemory> {
    const known = this.#greedy.get(model);
    if (known !== undefined) return known;
    const memory = await GreedyMemory.open(this.#device, model, tensors, this.#dimensions, this.#queuedSteps);
    this.#greedy.set(model, memory);
    return memory;
  }

  /** A cache for a single sequence that is copied out of the shared one. */
  async single(): Promise<KvCache> {
    this.#single ??= await KvCache.open(this.#device, this.cache.entryBytes, 1, this.#dimensions.nTextCtx);
    return this.#single;
  }
}
