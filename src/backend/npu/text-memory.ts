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

/** What single steps read and write stands 64 bytes apart: the addresses of tensors must be aligned. */
export const slotBytes = 64;

type Piece = 'tokens' | 'newKv' | 'logits';

/** Where the decoders of texts read and write, apart from caches. */
export type TextSlices = Readonly<Record<Piece, BufferSlice>>;

export interface TextMemoryOptions {
  readonly dimensions: ModelDimensions;
  /** Steps that are queued between two looks at the tokens. */
  readonly queuedSteps: number;
  /** Device memory that all texts share: `position` to begin with. */
  readonly shared: Readonly<Record<'position', BufferSlice>>;
}

/** Everything that texts decoded together need on the device, built once and used for one audio after another. */
export class TextMemory {
  /**
   * `tokens`: slot i holds the token at position i; `newKv`: where new rows go when they are copied into the cache instead of
   * being written there.
   */
  readonly slices: TextSlices;
  readonly cache: KvCache;
  /** Decoders by width, widest first; several of a width, so that as many steps can be queued at once. */
  readonly decoders: ReadonlyMap<number, readonly BoundModel[]>;
  readonly #device: NativeDevice;
  readonly #dimensions: ModelDimensions;
  readonly #queuedSteps: number;
  readonly #rows = new Map<RowsModel, BoundModel>();
  readonly #greedy = new Map<GreedyModel, GreedyMemory>();
  #single: KvCache | undefined;

  private constructor(
    device: NativeDevice,
    { dimensions, queuedSteps }: TextMemoryOptions,
    parts: Pick<TextMemory, 'slices' | 'cache' | 'decoders'>,
  ) {
    this.#device = device;
    this.#dimensions = dimensions;
    this.#queuedSteps = queuedSteps;
    this.slices = parts.slices;
    this.cache = parts.cache;
    this.decoders = parts.decoders;
  }

  /** @param cross some window's keys and values, for bindings that get the right ones before they run */
  static async open(
    device: NativeDevice,
    models: LoadedModels,
    cross: Tensors,
    options: TextMemoryOptions,
  ): Promise<TextMemory> {
    const { dimensions, queuedSteps, shared } = options;
    const { nTextCtx, nTextLayer, nTextState, nVocab } = dimensions;
    const rowBytes = nTextLayer * 2 * nTextState * models.itemSizeBytes;
    const widest = Math.max(...models.decoders.keys());
    const { buffer, slices } = await allocatePieces<Piece>(device, {
      tokens: (nTextCtx + 1) * slotBytes,
      newKv: widest * rowBytes,
      logits: 4 * nVocab,
    });
    let cache: KvCache | undefined;
    try {
      cache = await KvCache.open(device, rowBytes, 1, nTextCtx);
      const decoders = new Map<number, BoundModel[]>();
      for (const [width, model] of models.decoders) {
        const tensors = {
          ...cross,
          ...shared,
          self_kv: cache.rows(0, 0, nTextCtx),
          tokens: part(slices.tokens, 0, 4 * width),
          new_kv: part(slices.newKv, 0, width * rowBytes),
          logits: slices.logits,
        };
        const bound: BoundModel[] = [];
        decoders.set(width, bound);
        while (bound.length < (width === 1 ? queuedSteps : 1)) bound.push(await BoundModel.bind(model, tensors));
      }
      return new TextMemory(device, options, { slices, cache, decoders });
    } catch (error) {
      return closeAfter(error, async () => {
        await cache?.close();
        await buffer.close();
      });
    }
  }

  /** A rows graph bound for these texts; `tensors` has a place for whatever changes from step to step. */
  async rows(model: RowsModel, tensors: Tensors): Promise<BoundModel> {
    const known = this.#rows.get(model);
    if (known !== undefined) return known;
    const bound = await BoundModel.bind(model.model, tensors);
    this.#rows.set(model, bound);
    return bound;
  }

  /** Where these texts are decoded greedily by that graph; `tensors` has a place for whatever changes from step to step. */
  async greedy(model: GreedyModel, tensors: Tensors): Promise<GreedyMemory> {
    const known = this.#greedy.get(model);
    if (known !== undefined) return known;
    const memory = await GreedyMemory.open(this.#device, model, tensors, this.#dimensions, this.#queuedSteps);
    this.#greedy.set(model, memory);
    return memory;
  }

  /** A cache for a text taken out of those that it shares rows with. */
  async single(): Promise<KvCache> {
    this.#single ??= await KvCache.open(this.#device, this.cache.rowBytes, 1, this.#dimensions.nTextCtx);
    return this.#single;
  }
}
