import type { BufferSlice, Command } from './addon.ts';
import type { BoundModel } from './bound-model.ts';
import { CommandQueue } from './command-queue.ts';
import { part } from './device-memory.ts';
import type { KvCache } from './kv-cache.ts';
import type { RunParts, RunPlace } from './run-parts.ts';
import { slotBytes } from './text-memory.ts';

/** Where one execution of a decoder reads and writes. */
export interface DecoderStep {
  /** The cache that holds the text, and in which of its regions. */
  readonly cache: KvCache;
  readonly region: number;
  /** The window it is over, of the texts' windows. */
  readonly window: number;
  readonly position: number;
  /** The tokens that it appends. */
  readonly tokens: Int32Array;
}

type Take = (bytes: Uint8Array<ArrayBuffer>) => void;

/** Commands on their way to the device. A bound decoder can be used once per visit there, so a long prompt takes several. */
export class DecoderQueue implements Disposable {
  readonly #parts: RunParts;
  readonly #place: RunPlace;
  readonly #used = new Map<number, number>();
  readonly #commands: CommandQueue;
  #takes: Take[] = [];

  constructor(parts: RunParts, place: RunPlace) {
    this.#parts = parts;
    this.#place = place;
    this.#commands = new CommandQueue(parts.device, () => {
      for (const decoder of [...place.memory.decoders.values()].flat()) decoder.forget();
    });
  }

  async push(step: DecoderStep): Promise<void> {
    const { tokens, position } = step;
    const width = tokens.length;
    const decoders = this.#place.memory.decoders.get(width) ?? [];
    if ((this.#used.get(width) ?? 0) === decoders.length) await this.submit();
    const used = this.#used.get(width) ?? 0;
    const decoder = decoders[used];
    if (decoder === undefined) throw new Error(`no decoder takes ${width} tokens`);
    this.#used.set(width, used + 1);
    const to = part(this.#place.memory.slices.tokens, position * slotBytes, tokens.byteLength);
    this.#commands.push({ kind: 'upload', to, data: tokens });
    this.#commands.push(...this.#execution(decoder, step));
  }

  /** @param take gets the bytes that lie there behind everything queued so far */
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
    const { dimensions, inPlaceRows, positions } = this.#parts;
    const { audio, firstWindow, memory } = this.#place;
    const row = cache.rows(region, position, tokens.length);
    const copied = part(memory.slices.newKv, 0, row.sizeBytes);
    const execute = decoder.execute({
      ...audio.crossKv(firstWindow + window, 1),
      self_kv: cache.rows(region, 0, dimensions.nTextCtx),
      tokens: part(memory.slices.tokens, position * slotBytes, tokens.byteLength),
      position: part(positions, position * slotBytes, 4),
      new_kv: inPlaceRows ? row : copied,
    });
    return inPlaceRows ? [execute] : [execute, { kind: 'copy', from: copied, to: row }];
  }
}
