import type { BufferSlice, Command } from './addon.ts';
import type { BoundModel, Tensors } from './bound-model.ts';
import { CommandQueue } from './command-queue.ts';
import { part } from './device-memory.ts';
import type { GreedyMemory } from './greedy-memory.ts';
import type { GreedyModel } from './greedy-models.ts';
import type { RunParts, RunPlace } from './run-parts.ts';

/** One step of all texts. */
export interface GreedyStep {
  /** Which states of the ring it reads; what it writes are the next ones. */
  readonly index: number;
  /** Where the new row goes in each log. */
  readonly row: number;
  readonly mask: BufferSlice;
  /** Whether what it chooses is wanted; the next states are not touched where it is not. */
  readonly chooses: boolean;
}

/** Commands of greedy decoding on their way to the device: steps, what comes up before them and goes down behind them. */
export class GreedyQueue implements Disposable {
  readonly #parts: RunParts;
  readonly #place: RunPlace;
  readonly #model: GreedyModel;
  readonly #memory: GreedyMemory;
  /** What lies where it lies for the whole text: each bound graph is told once. */
  readonly #lasting: Tensors;
  readonly #told = new Set<BoundModel>();
  readonly #commands: CommandQueue;
  #steps = 0;

  constructor(parts: RunParts, place: RunPlace, model: GreedyModel, memory: GreedyMemory) {
    this.#parts = parts;
    this.#place = place;
    this.#model = model;
    this.#memory = memory;
    const { windows, capacity } = model.shape;
    const selfKv = place.memory.cache.rows(0, 0, windows * capacity);
    this.#commands = new CommandQueue(parts.device, () => {
      this.#told.clear();
      for (const step of memory.steps) step.forget();
    });
    this.#lasting = { ...place.audio.crossKv(place.firstWindow, windows), self_kv: selfKv };
  }

  /** Each bound graph can be used once per visit to the device. */
  get hasRoom(): boolean {
    return this.#steps < this.#memory.steps.length;
  }

  upload(to: BufferSlice, data: Uint8Array | Float32Array): void {
    this.#commands.push({ kind: 'upload', to, data });
  }

  push(step: GreedyStep): void {
    const bound = this.#memory.steps[this.#steps++];
    if (bound === undefined) throw new Error('there is no room for another step');
    const { cache } = this.#place.memory;
    const { windows } = this.#model.shape;
    const { inPlaceRows } = this.#parts;
    const { newKv } = this.#model.memory;
    const { rowBytes } = cache;
    const each = Array.from({ length: windows }, (_, window) => {
      const place = cache.rows(window, step.row, 1);
      return { place, written: inPlaceRows ? place : part(newKv, window * rowBytes, rowBytes) };
    });
    const execute = bound.execute({
      ...(this.#told.has(bound) ? {} : this.#lasting),
      suppress: step.mask,
      state: this.#memory.states(step.index, 1),
      next_state: step.chooses ? this.#memory.states(step.index + 1, 1) : this.#memory.scratch,
      ...Object.fromEntries(each.map(({ written }, window) => [`new_kv_${window}`, written])),
    });
    this.#told.add(bound);
    this.#commands.push(execute);
    if (inPlaceRows) return;
    for (const { place, written } of each) this.#commands.push({ kind: 'copy', from: written, to: place });
  }

  /** @returns what lies in each place behind all that has been queued, and waits for it */
  async submit(...places: readonly BufferSlice[]): Promise<Uint8Array<ArrayBuffer>[]> {
    this.#commands.push(...places.map((from): Command => ({ kind: 'download', from })));
    this.#steps = 0;
    return this.#commands.submit();
  }

  [Symbol.dispose](): void {
    this.#commands[Symbol.dispose]();
  }
}
