import { join } from 'node:path';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { readWeightsTable, weightsFile } from '../../model/weights-table.ts';
import type { CpuAddon, NativeAudio, NativeCache, NativeModel } from './cpu-addon.ts';
import { type EncodedWindows, type Engine, type EngineOptions, windowsFor } from './engine.ts';
import { NativeRun } from './native-run.ts';
import type { GraphProfile } from './profile.ts';

interface WindowMemory {
  readonly capacity: number;
  readonly audio: NativeAudio;
}

/** native/cpu, with the memory that it works in. */
export class NativeEngine implements Engine {
  readonly name = 'AVX-512';
  readonly #addon: CpuAddon;
  readonly #model: NativeModel;
  readonly #dimensions: ModelDimensions;
  /** Memory of released windows and caches: a recording reuses the same few blocks from start to end. */
  #freeWindows: WindowMemory[] = [];
  readonly #freeCaches: NativeCache[] = [];

  private constructor(addon: CpuAddon, model: NativeModel, dimensions: ModelDimensions) {
    this.#addon = addon;
    this.#model = model;
    this.#dimensions = dimensions;
  }

  static async open(addon: CpuAddon, { directory, dimensions, threads }: EngineOptions): Promise<NativeEngine> {
    const table = await readWeightsTable(directory);
    const model = addon.load({ path: join(directory, weightsFile), ...table, dimensions, threads });
    return new NativeEngine(addon, model, dimensions);
  }

  async encode(logMels: readonly Float32Array[]): Promise<EncodedWindows> {
    const memory = this.#takeWindows(logMels.length);
    for (const [window, logMel] of logMels.entries()) this.#addon.encode(this.#model, logMel, memory.audio, window);
    return {
      startDecoder: (window) => this.#startDecoder(memory.audio, windowsFor(logMels.length, window)),
      release: () => this.#freeWindows.push(memory),
    };
  }

  async encoderOutput(logMel: Float32Array): Promise<Float32Array> {
    return this.#addon.encoderOutput(this.#model, logMel);
  }

  async endProfiles(): Promise<GraphProfile[]> {
    return []; // what is to be measured runs on ONNX Runtime
  }

  #startDecoder(audio: NativeAudio, windows: { first: number; count: number }): NativeRun {
    const cache = this.#freeCaches.pop() ?? this.#addon.createCache(this.#model);
    const parts = { addon: this.#addon, model: this.#model, audio, cache, dimensions: this.#dimensions };
    return new NativeRun(parts, windows, () => this.#freeCaches.push(cache));
  }

  /** Memory for as many windows: what is free and large enough, or new memory in the place of what is too small. */
  #takeWindows(count: number): WindowMemory {
    const index = this.#freeWindows.findIndex(({ capacity }) => capacity >= count);
    if (index >= 0) return this.#freeWindows.splice(index, 1)[0] as WindowMemory;
    this.#freeWindows = [];
    return { capacity: count, audio: this.#addon.allocateAudio(this.#model, count) };
  }
}
