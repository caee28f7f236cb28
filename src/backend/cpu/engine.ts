import { join } from 'node:path';
import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { type CrossKv, type DecoderParts, EngineRun, isScreened } from './engine-run.ts';
import { profilePrefix } from './profile.ts';
import { RowCache } from './row-cache.ts';
import { VocabularyHead } from './vocabulary-head.ts';

export interface EngineOptions {
  /** The folder that convert/prepare-cpu.ts makes. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
  /** Where ONNX Runtime is to write how long each operator of encoder and decoder takes: see profile.ts. */
  readonly profileDirectory?: string | undefined;
}

/** Encoded windows and the memory that holds them, which may have room for more. */
export interface EncodedWindows {
  readonly count: number;
  readonly memory: WindowMemory;
}

interface WindowMemory {
  readonly capacity: number;
  /** Of `capacity` windows. */
  readonly crossKv: CrossKv;
}

/** The graphs on ONNX Runtime, with the memory they write to. Runs on the calling thread and blocks it. */
export class CpuEngine {
  readonly #encoder: ort.InferenceSession;
  readonly #parts: DecoderParts;
  /** Memory of released windows and caches: a recording reuses the same few blocks from start to end. */
  #freeWindows: WindowMemory[] = [];
  readonly #freeCaches: RowCache[] = [];

  private constructor(encoder: ort.InferenceSession, parts: DecoderParts) {
    this.#encoder = encoder;
    this.#parts = parts;
  }

  static async open({ directory, dimensions, threads, profileDirectory }: EngineOptions): Promise<CpuEngine> {
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
    };
    const load = (graph: string, more: ort.InferenceSession.SessionOptions = {}) =>
      ort.InferenceSession.create(join(directory, graph), { ...options, ...more });
    const profiling = (graph: string): ort.InferenceSession.SessionOptions =>
      profileDirectory === undefined
        ? {}
        : { enableProfiling: true, profileFilePrefix: profilePrefix(profileDirectory, graph) };
    const encoder = await load('encoder.onnx', profiling('encoder'));
    const decoder = await load('decoder.onnx', profiling('decoder'));
    const head = await VocabularyHead.open(directory, dimensions, options, isScreened(decoder));
    let aligner: Promise<ort.InferenceSession> | undefined;
    const loadAligner = () => {
      aligner ??= load('aligner.onnx');
      return aligner;
    };
    return new CpuEngine(encoder, { decoder, head, dimensions, aligner: loadAligner });
  }

  /** @param logMels f32 [nMels, 2 * nAudioCtx] each */
  async encode(logMels: readonly Float32Array[]): Promise<EncodedWindows> {
    const memory = this.#takeWindows(logMels.length);
    for (const [window, logMel] of logMels.entries())
      await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, crossKvOf(memory, window, 1));
    return { count: logMels.length, memory };
  }

  /** @returns the encoder's output, f32 [nAudioCtx, nAudioState] */
  async encoderOutput(logMel: Float32Array): Promise<Float32Array> {
    const { encoder_output } = await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, ['encoder_output']);
    return encoder_output?.data as Float32Array;
  }

  /** Writes the profiles; nothing more is measured. */
  endProfiles(): void {
    this.#encoder.endProfiling();
    this.#parts.decoder.endProfiling();
  }

  /** Gives windows' memory back for the next ones. */
  release({ memory }: EncodedWindows): void {
    this.#freeWindows.push(memory);
  }

  /** @param window the only one to begin a text over; all by default */
  startDecoder(windows: EncodedWindows, window?: number): EngineRun {
    const { count, memory } = windows;
    if (window !== undefined && !(window >= 0 && window < count))
      throw new RangeError(`there is no window ${window} of ${count}`);
    const cache = this.#freeCaches.pop() ?? new RowCache(this.#parts.dimensions);
    const giveBack = () => this.#freeCaches.push(cache);
    const over = window === undefined ? { first: 0, count } : { first: window, count: 1 };
    const crossKv = crossKvOf(memory, over.first, over.count);
    return new EngineRun(this.#parts, over.count, crossKv, cache, giveBack);
  }

  #logMelTensor(logMel: Float32Array): ort.Tensor {
    const { nMels, nAudioCtx } = this.#parts.dimensions;
    return new ort.Tensor('float32', logMel, [1, nMels, 2 * nAudioCtx]);
  }

  /** Memory for as many windows: what is free and large enough, or new memory in the place of what is too small. */
  #takeWindows(count: number): WindowMemory {
    const index = this.#freeWindows.findIndex(({ capacity }) => capacity >= count);
    if (index >= 0) return this.#freeWindows.splice(index, 1)[0] as WindowMemory;
    this.#freeWindows = [];
    return this.#allocate(count);
  }

  #allocate(capacity: number): WindowMemory {
    const { nAudioCtx, nTextHead, nTextLayer, nTextState } = this.#parts.dimensions;
    const headSize = nTextState / nTextHead;
    const tensors: Record<string, ort.Tensor> = {};
    const allocate = (dims: number[]) =>
      new ort.Tensor('float32', new Float32Array(capacity * nAudioCtx * nTextState), dims);
    for (let layer = 0; layer < nTextLayer; layer++) {
      tensors[`cross_k_${layer}`] = allocate([capacity, nTextHead, headSize, nAudioCtx]);
      tensors[`cross_v_${layer}`] = allocate([capacity, nTextHead, nAudioCtx, headSize]);
    }
    return { capacity, crossKv: tensors };
  }
}

/** Views of the keys and values of some windows. */
function crossKvOf({ capacity, crossKv }: WindowMemory, first: number, count: number): CrossKv {
  const views = Object.entries(crossKv).map(([name, tensor]) => {
    const size = tensor.size / capacity;
    const values = (tensor.data as Float32Array).subarray(first * size, (first + count) * size);
    return [name, new ort.Tensor('float32', values, [count, ...tensor.dims.slice(1)])] as const;
  });
  return Object.fromEntries(views);
}
