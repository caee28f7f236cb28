import { AudioMemory } from './audio-memory.ts';
import { part } from './device-memory.ts';
import { roundedUp } from './execution-plan.ts';
import type { LoadedModels } from './model-files.ts';
import type { RunParts } from './run-parts.ts';
import { TextMemory } from './text-memory.ts';

/** Memory on a device of windows and texts that are done with: a recording reuses the same few blocks from start to end. */
export class MemoryPools {
  readonly #models: LoadedModels;
  readonly #parts: RunParts;
  readonly #queuedSteps: number;
  readonly #audio: AudioMemory[] = [];
  readonly #text: TextMemory[] = [];

  constructor(models: LoadedModels, parts: RunParts, queuedSteps: number) {
    this.#models = models;
    this.#parts = parts;
    this.#queuedSteps = queuedSteps;
  }

  /** Memory for so many windows, and for those that a graph of several windows would compute beside them. */
  async takeAudio(windows: number): Promise<AudioMemory> {
    const room = windows === 1 ? 1 : Math.max(this.#roomForRows(windows), this.#roomForGreedy(windows));
    const index = this.#audio.findIndex((free) => free.windows === room);
    const [free] = this.#audio.splice(index, index < 0 ? 0 : 1);
    return free ?? AudioMemory.open(this.#parts.device, this.#models, this.#parts.dimensions, room);
  }

  #roomForRows(windows: number): number {
    const together = this.#models.rows.files.filter((file) => file.windows > 1);
    const rooms = together.map((file) => roundedUp(windows, file.windows)).sort((a, b) => a - b);
    return rooms[0] ?? windows;
  }

  #roomForGreedy(windows: number): number {
    return this.#models.greedy.files.find((file) => file.windows >= windows)?.windows ?? windows;
  }

  giveBackAudio(memory: AudioMemory): void {
    this.#audio.push(memory);
  }

  /** @param audio what the first text is over */
  async takeText(audio: AudioMemory): Promise<TextMemory> {
    const free = this.#text.pop();
    if (free !== undefined) return free;
    const { device, dimensions, positions } = this.#parts;
    const shared = { position: part(positions, 0, 4) };
    const options = { dimensions, queuedSteps: this.#queuedSteps, shared };
    return TextMemory.open(device, this.#models, audio.crossKv(0, 1), options);
  }

  giveBackText(memory: TextMemory): void {
    this.#text.push(memory);
  }
}
