import type { BufferSlice, Command } from './addon.ts';
import type { BoundModel } from './bound-model.ts';
import { part } from './device-memory.ts';
import type { RowCache } from './row-cache.ts';
import type { RunParts, RunPlace } from './run-parts.ts';
import { slotBytes } from './text-memory.ts';

/** Where one execution of a decoder reads and writes. */
export interface DecoderStep {
  /** The cache that holds the text, and in which of its regions. */
  readonly cache: RowCache;
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
  #commands: Command[] = [];
  #takes: Take[] = [];

  constructor(parts: RunParts, place: RunPlace) {
    this.#parts = parts;
    this.#place = place;
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
    const [commands, takes] = [this.#commands, this.#takes];
    if (commands.length === 0) return;
    this.#commands = [];
    this.#takes = [];
    this.#used.clear();
    try {
      for (const [i, bytes] of (await this.#parts.device.submit(commands)).entries()) takes[i]?.(bytes);
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** What has not been submitted by now never will be. */
  [Symbol.dispose](): void {
    if (this.#commands.length > 0) this.#forget();
    this.#commands = [];
  }

  /** Nobody knows which tensors the decoders have been told of. */
  #forget(): void {
    for (const decoder of [...this.#place.memory.decoders.values()].flat()) decoder.forget();
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
