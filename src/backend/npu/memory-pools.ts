import { AudioMemory } from './audio-memory.ts';
import { part } from './device-memory.ts';
import { roundedUp } from './execution-plan.ts';
import type { LoadedModels } from './model-files.ts';
import type { RunResources } from './run-context.ts';
import { SequenceMemory } from './sequence-memory.ts';

/** Pools of device memory for windows and sequences: a recording reuses the same few blocks from start to end. */
export class MemoryPools {
  readonly #models: LoadedModels;
  readonly #resources: RunResources;
  readonly #queuedSteps: number;
  readonly #audio: AudioMemory[] = [];
  readonly #sequence: SequenceMemory[] = [];

  constructor(models: LoadedModels, resources: RunResources, queuedSteps: number) {
    this.#models = models;
    this.#resources = resources;
    this.#queuedSteps = queuedSteps;
  }

  /** Memory for so many windows, rounded up to the number that a graph of several windows computes. */
  async takeAudioMemory(windows: number): Promise<AudioMemory> {
    const room = windows === 1 ? 1 : Math.max(this.#roomForRows(windows), this.#roomForGreedy(windows));
    const index = this.#audio.findIndex((free) => free.windows === room);
    const [free] = this.#audio.splice(index, index < 0 ? 0 : 1);
    return free ?? AudioMemory.open(this.#resources.device, this.#models, this.#resources.dimensions, room);
  }

  #roomForRows(windows: number): number {
    const together = this.#models.rows.files.filter((file) => file.windows > 1);
    const rooms = together.map((file) => roundedUp(windows, file.windows)).sort((a, b) => a - b);
    return rooms[0] ?? windows;
  }

  #roomForGreedy(windows: number): number {
    return this.#models.greedy.files.find((file) => file.windows >= windows)?.windows ?? windows;
  }

  returnAudioMemory(memory: AudioMemory): void {
    this.#audio.push(memory);
  }

  /** @param audio encoded windows, for the first bindings */
  async takeSequenceMemory(audio: AudioMemory): Promise<SequenceMemory> {
    const free = this.#sequence.pop();
    if (free !== undefined) return free;
    const { device, dimensions, positions } = this.#resources;
    const shared = { position: part(positions, 0, 4) };
    const options = { dimensions, queuedSteps: this.#queuedSteps, shared };
    return SequenceMemory.open(device, this.#models, audio.crossKv(0, 1), options);
  }

  returnSequenceMemory(memory: SequenceMemory): void {
    this.#sequence.push(memory);
  }
}
