import type { BufferSlice, Command } from './addon.ts';
import type { BoundModel, Tensors } from './bound-model.ts';
import { CommandQueue } from './command-queue.ts';
import { part } from './device-memory.ts';
import type { GreedyMemory } from './greedy-memory.ts';
import type { GreedyModel } from './greedy-models.ts';
import type { RunContext, RunResources } from './run-context.ts';

/** One greedy step of all sequences. */
export interface GreedyStep {
  /** The index of the states that it reads; it writes the next ones. */
  readonly index: number;
  /** The index of the new entry in newEntries region of the KV cache. */
  readonly entry: number;
  readonly mask: BufferSlice;
  /** Whether the token that it chooses is wanted; otherwise the next states are not overwritten. */
  readonly chooses: boolean;
}

/** Queues the commands of greedy decoding: uploads, steps and downloads, which are submitted together. */
export class GreedyQueue implements Disposable {
  readonly #resources: RunResources;
  readonly #context: RunContext;
  readonly #model: GreedyModel;
  readonly #memory: GreedyMemory;
  /** Tensors that stay in place for the whole run; newEntries bound graph needs to be given them only once. */
  readonly #fixedTensors: Tensors;
  readonly #rebound = new Set<BoundModel>();
  readonly #commands: CommandQueue;
  #steps = 0;

  constructor(resources: RunResources, context: RunContext, model: GreedyModel, memory: GreedyMemory) {
    this.#resources = resources;
    this.#context = context;
    this.#model = model;
    this.#memory = memory;
    const { windows, capacity } = model.shape;
    const selfKv = context.memory.cache.entries(0, 0, windows * capacity);
    this.#commands = new CommandQueue(resources.device, () => {
      this.#rebound.clear();
      for (const step of memory.steps) step.forget();
    });
    this.#fixedTensors = { ...context.audio.crossKv(context.firstWindow, windows), self_kv: selfKv };
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
    const { cache } = this.#context.memory;
    const { windows } = this.#model.shape;
    const { inPlaceRows } = this.#resources;
    const { newKv } = this.#model.memory;
    const { entryBytes } = cache;
    const newEntries = Array.from({ length: windows }, (_, window) => {
      const entry = cache.entries(window, step.entry, 1);
      return { entry, written: inPlaceRows ? entry : part(newKv, window * entryBytes, entryBytes) };
    });
    const execute = bound.execute({
      ...(this.#rebound.has(bound) ? {} : this.#fixedTensors),
      suppress: step.mask,
      state: this.#memory.states(step.index, 1),
      next_state: step.chooses ? this.#memory.states(step.index + 1, 1) : this.#memory.scratch,
      ...Object.fromEntries(newEntries.map(({ written }, window) => [`new_kv_${window}`, written])),
    });
    this.#rebound.add(bound);
    this.#commands.push(execute);
    if (inPlaceRows) return;
    for (const { entry, written } of newEntries) this.#commands.push({ kind: 'copy', from: written, to: entry });
  }

  /** Submits all that has been queued, and waits. @returns the contents of each slice after that */
  async submit(...slices: readonly BufferSlice[]): Promise<Uint8Array<ArrayBuffer>[]> {
    this.#commands.push(...slices.map((from): Command => ({ kind: 'download', from })));
    this.#steps = 0;
    return this.#commands.submit();
  }

  [Symbol.dispose](): void {
    this.#commands[Symbol.dispose]();
  }
}
