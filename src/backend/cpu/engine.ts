import { join } from 'node:path';
import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { type CrossKv, type DecoderParts, EngineRun, isScreened } from './engine-run.ts';
import { RowCache } from './row-cache.ts';
import { VocabularyHead } from './vocabulary-head.ts';

export interface EngineOptions {
  /** The folder that convert/prepare-cpu.ts makes. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
}

/** Encoded windows and the memory that holds them. */
export interface EncodedWindows {
  readonly count: number;
  readonly crossKv: CrossKv;
}

/** The graphs on ONNX Runtime, with the memory they write to. Runs on the calling thread and blocks it. */
export class CpuEngine {
  readonly #encoder: ort.InferenceSession;
  readonly #parts: DecoderParts;
  /** Memory of released windows and caches: a recording reuses the same few blocks from start to end. */
  readonly #freeWindows: EncodedWindows[] = [];
  readonly #freeCaches: RowCache[] = [];

  private constructor(encoder: ort.InferenceSession, parts: DecoderParts) {
    this.#encoder = encoder;
    this.#parts = parts;
  }

  static async open({ directory, dimensions, threads }: EngineOptions): Promise<CpuEngine> {
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
    };
    const load = (graph: string) => ort.InferenceSession.create(join(directory, graph), options);
    const encoder = await load('encoder.onnx');
    const decoder = await load('decoder.onnx');
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
    const count = logMels.length;
    const index = this.#freeWindows.findIndex((free) => free.count === count);
    const windows = this.#freeWindows.splice(index, index < 0 ? 0 : 1)[0] ?? this.#allocate(count);
    for (const [window, logMel] of logMels.entries())
      await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, crossKvOf(windows, window));
    return windows;
  }

  /** @returns the encoder's output, f32 [nAudioCtx, nAudioState] */
  async encoderOutput(logMel: Float32Array): Promise<Float32Array> {
    const { encoder_output } = await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, ['encoder_output']);
    return encoder_output?.data as Float32Array;
  }

  /** Gives windows' memory back for the next ones. */
  release(windows: EncodedWindows): void {
    this.#freeWindows.push(windows);
  }

  /** @param window the only one to begin a text over; all by default */
  startDecoder(windows: EncodedWindows, window?: number): EngineRun {
    const cache = this.#freeCaches.pop() ?? new RowCache(this.#parts.dimensions);
    const giveBack = () => this.#freeCaches.push(cache);
    const [count, crossKv] =
      window === undefined ? [windows.count, windows.crossKv] : ([1, crossKvOf(windows, window)] as const);
    return new EngineRun(this.#parts, count, crossKv, cache, giveBack);
  }

  async close(): Promise<void> {
    await this.#encoder.release();
    await this.#parts.decoder.release();
    await this.#parts.head.close();
  }

  #logMelTensor(logMel: Float32Array): ort.Tensor {
    const { nMels, nAudioCtx } = this.#parts.dimensions;
    return new ort.Tensor('float32', logMel, [1, nMels, 2 * nAudioCtx]);
  }

  #allocate(count: number): EncodedWindows {
    const { nAudioCtx, nTextHead, nTextLayer, nTextState } = this.#parts.dimensions;
    const headSize = nTextState / nTextHead;
    const tensors: Record<string, ort.Tensor> = {};
    const allocate = (dims: number[]) =>
      new ort.Tensor('float32', new Float32Array(count * nAudioCtx * nTextState), dims);
    for (let layer = 0; layer < nTextLayer; layer++) {
      tensors[`cross_k_${layer}`] = allocate([count, nTextHead, headSize, nAudioCtx]);
      tensors[`cross_v_${layer}`] = allocate([count, nTextHead, nAudioCtx, headSize]);
    }
    return { count, crossKv: tensors };
  }
}

/** Views of one window's keys and values. */
function crossKvOf({ count, crossKv }: EncodedWindows, window: number): CrossKv {
  if (!(window >= 0 && window < count)) throw new RangeError(`there is no window ${window} of ${count}`);
  const views = Object.entries(crossKv).map(([name, tensor]) => {
    const size = tensor.size / count;
    const values = (tensor.data as Float32Array).subarray(window * size, (window + 1) * size);
    return [name, new ort.Tensor('float32', values, [1, ...tensor.dims.slice(1)])] as const;
  });
  return Object.fromEntries(views);
}
