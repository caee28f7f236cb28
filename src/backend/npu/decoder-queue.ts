import type { BufferSlice, Command } from './addon.ts';
import type { BoundModel } from './bound-model.ts';
import { CommandQueue } from './command-queue.ts';
import { part } from './device-memory.ts';
import type { KvCache } from './kv-cache.ts';
import type { RunContext, RunResources } from './run-context.ts';
import { slotBytes } from './sequence-memory.ts';

/** One execution of a decoder, for one sequence. */
export interface DecoderStep {
  /** The cache that holds the sequence, and the region of it. */
  readonly cache: KvCache;
  readonly region: number;
  /** The window that the sequence attends to, as an index into the windows of the context. */
  readonly window: number;
  readonly position: number;
  /** The tokens that it appends. */
  readonly tokens: Int32Array;
}

type Take = (bytes: Uint8Array<ArrayBuffer>) => void;

/** Queues executions of decoders. A bound decoder can be used once per submission, so a long prompt takes several. */
export class DecoderQueue implements Disposable {
  readonly #resources: RunResources;
  readonly #context: RunContext;
  readonly #used = new Map<number, number>();
  readonly #commands: CommandQueue;
  #takes: Take[] = [];

  constructor(resources: RunResources, context: RunContext) {
    this.#resources = resources;
    this.#context = context;
    this.#commands = new CommandQueue(resources.device, () => {
      for (const decoder of [...context.memory.decoders.values()].flat()) decoder.forget();
    });
  }

  async push(step: DecoderStep): Promise<void> {
    const { tokens, position } = step;
    const width = tokens.length;
    const decoders = this.#context.memory.decoders.get(width) ?? [];
    if ((this.#used.get(width) ?? 0) === decoders.length) await this.submit();
    const used = this.#used.get(width) ?? 0;
    const decoder = decoders[used];
    if (decoder === undefined) throw new Error(`no decoder takes ${width} tokens`);
    this.#used.set(width, used + 1);
    const to = part(this.#context.memory.slices.tokens, position * slotBytes, tokens.byteLength);
    this.#commands.push({ kind: 'upload', to, data: tokens });
    this.#commands.push(...this.#execution(decoder, step));
  }

  /** @param take gets the bytes of the slice after everything queued so far */
  download(from: BufferSlice, take: Take): void {
    this.#commands.push({ kind: 'download', from });
    this.#takes.push(take);
  }

  async submit(): Promise<void> {
    const takes = this.#takes;
    this.#takes = [];
    this.#used.clear();
    for (const [i, bytes] of (await this.#commands.submit()).entries()) takes[i]?.(bytes);
  }

  [Symbol.dispose](): void {
    this.#commands[Symbol.dispose]();
  }

  #execution(decoder: BoundModel, { cache, region, window, position, tokens }: DecoderStep): Command[] {
    const { dimensions, inPlaceRows, positions } = this.#resources;
    const { audio, firstWindow, memory } = this.#context;
    const entries = cache.entries(region, position, tokens.length);
    const copied = part(memory.slices.newKv, 0, entries.sizeBytes);
    const execute = decoder.execute({
      ...audio.crossKv(firstWindow + window, 1),
      self_kv: cache.entries(region, 0, dimensions.nTextCtx),
      tokens: part(memory.slices.tokens, position * slotBytes, tokens.byteLength),
      position: part(positions, position * slotBytes, 4),
      new_kv: inPlaceRows ? entries : copied,
    });
    return inPlaceRows ? [execute] : [execute, { kind: 'copy', from: copied, to: entries }];
  }
}
