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
  readonly width: number;
  readonly position: number;
  readonly mask: BufferSlice;
  /** Whether the token it chooses is wanted. */
  readonly chooses: boolean;
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

  hasRoom(width: number): boolean {
    return (this.#used.get(width) ?? 0) < (this.#place.memory.decoders.get(width)?.length ?? 0);
  }

  /** @param tokens those that the step appends, where the host has them */
  async push(step: DecoderStep, tokens?: Int32Array): Promise<void> {
    if (!this.hasRoom(step.width)) await this.submit();
    const used = this.#used.get(step.width) ?? 0;
    const decoder = this.#place.memory.decoders.get(step.width)?.[used];
    if (decoder === undefined) throw new Error(`no decoder takes ${step.width} tokens`);
    this.#used.set(step.width, used + 1);
    const slots = this.#place.memory.slices.tokens;
    if (tokens !== undefined) {
      const to = part(slots, step.position * slotBytes, tokens.byteLength);
      this.#commands.push({ kind: 'upload', to, data: tokens });
    }
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

  #execution(decoder: BoundModel, step: DecoderStep): Command[] {
    const { dimensions, inPlaceRows, positions } = this.#parts;
    const { audio, firstWindow, memory } = this.#place;
    const { cache, region, window, width, position, mask, chooses } = step;
    const { newKv, tokens, logprobs, scratch } = memory.slices;
    const row = cache.rows(region, position, width);
    const copied = part(newKv, 0, row.sizeBytes);
    const next = (position + width) * slotBytes;
    const unwanted = part(scratch, 0, 4);
    const execute = decoder.execute({
      ...audio.crossKv(firstWindow + window, 1),
      self_kv: cache.rows(region, 0, dimensions.nTextCtx),
      tokens: part(tokens, position * slotBytes, 4 * width),
      position: part(positions, position * slotBytes, 4),
      suppress: mask,
      new_kv: inPlaceRows ? row : copied,
      next_token: chooses ? part(tokens, next, 4) : unwanted,
      logprob: chooses ? part(logprobs, next, 4) : unwanted,
    });
    return inPlaceRows ? [execute] : [execute, { kind: 'copy', from: copied, to: row }];
  }
}
