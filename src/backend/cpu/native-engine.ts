import { join } from 'node:path';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { readWeightsTable, weightsFile } from '../../model/weights-table.ts';
import { type CpuLevel, levelNames } from '../cpu-level.ts';
import {
  type CpuAddon,
  chooseLevel,
  type NativeAudio,
  type NativeCache,
  type NativeModel,
  type NativeTimes,
} from './cpu-addon.ts';
import { type EncodedWindows, type EngineOptions, windowsFor } from './engine.ts';
import { NativeRun } from './native-run.ts';
import type { GraphProfile } from './profile.ts';
import { type StepBatcher, stepBatcher } from './step-batcher.ts';
import { WindowPool } from './window-pool.ts';

/**
 * native/cpu at a level of this processor, with the memory that it works in. It computes on the thread that calls it,
 * which it blocks.
 */
export class NativeEngine {
  /** The level, for people: 'AVX2'. */
  readonly name: string;
  readonly #addon: CpuAddon;
  readonly #model: NativeModel;
  readonly #dimensions: ModelDimensions;
  readonly #windows: WindowPool<NativeAudio>;
  readonly #batchStep: StepBatcher;
  readonly #freeCaches: NativeCache[] = [];

  private constructor(addon: CpuAddon, level: CpuLevel, model: NativeModel, dimensions: ModelDimensions) {
    this.name = levelNames[level];
    this.#addon = addon;
    this.#model = model;
    const allocate = (capacity: number) => addon.allocateAudio(model, capacity);
    this.#windows = new WindowPool(allocate, (audio) => addon.freeAudio(audio));
    this.#dimensions = dimensions;
    this.#batchStep = stepBatcher(addon, model);
  }

  static async open(
    addon: CpuAddon,
    { directory, dimensions, threads, level: asked }: EngineOptions,
  ): Promise<NativeEngine> {
    const table = await readWeightsTable(directory);
    const level = chooseLevel(addon, asked);
    const model = addon.load({ level, path: join(directory, weightsFile), ...table, dimensions, threads });
    return new NativeEngine(addon, level, model, dimensions);
  }

  /** @param logMels f32 [nMels, 2 * nAudioCtx] each */
  async encode(logMels: readonly Float32Array[]): Promise<EncodedWindows> {
    const pooled = this.#windows.take(logMels.length);
    for (const [window, logMel] of logMels.entries()) this.#addon.encode(this.#model, logMel, pooled.memory, window);
    return {
      startDecoder: (window) => this.#startDecoder(pooled.memory, windowsFor(logMels.length, window)),
      release: () => this.#windows.release(pooled),
    };
  }

  /** @returns the encoder's output, f32 [nAudioCtx, nAudioState] */
  async encoderOutput(logMel: Float32Array): Promise<Float32Array> {
    return this.#addon.encoderOutput(this.#model, logMel);
  }

  /** Where the time went so far. */
  async profiles(): Promise<GraphProfile[]> {
    return this.#addon.times(this.#model).map(meanOfExecutions);
  }

  #startDecoder(audio: NativeAudio, windows: { first: number; count: number }): NativeRun {
    const cache = this.#freeCaches.pop() ?? this.#addon.createCache(this.#model);
    const own = { batchStep: this.#batchStep, dimensions: this.#dimensions };
    const parts = { addon: this.#addon, model: this.#model, audio, cache, ...own };
    return new NativeRun(parts, windows, () => this.#freeCaches.push(cache));
  }
}

function meanOfExecutions({ graph, executions, elapsedMs, parts }: NativeTimes): GraphProfile {
  const mean = (sum: number) => (executions === 0 ? 0 : sum / executions);
  const operators = parts.map(({ name, ...part }) => ({
    operator: name,
    calls: mean(part.calls),
    elapsedMs: mean(part.elapsedMs),
  }));
  operators.sort((a, b) => b.elapsedMs - a.elapsedMs);
  return { graph, executions, executionMs: mean(elapsedMs), operators };
}
