import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { type EncodedWindows, type Engine, type EngineOptions, type EngineRun, windowsFor } from './engine.ts';
import { type CrossKv, type DecoderParts, isScreened, OrtRun } from './ort-run.ts';
import { type GraphProfile, profilePrefix, readProfiles } from './profile.ts';
import { RowCache } from './row-cache.ts';
import { VocabularyHead } from './vocabulary-head.ts';
import { type PooledMemory, WindowPool } from './window-pool.ts';

/** The graphs on ONNX Runtime, with the memory they write to. Runs on the calling thread and blocks it. */
export class OrtEngine implements Engine {
  readonly name = `ONNX Runtime ${runtimeVersion()}`;
  readonly #encoder: ort.InferenceSession;
  readonly #parts: DecoderParts;
  readonly #windows: WindowPool<CrossKv>;
  readonly #freeCaches: RowCache[] = [];
  /** Where ONNX Runtime writes how long each operator takes. */
  readonly #profileDirectory: string | undefined;

  private constructor(encoder: ort.InferenceSession, parts: DecoderParts, profileDirectory: string | undefined) {
    this.#encoder = encoder;
    this.#parts = parts;
    this.#windows = new WindowPool((capacity) => allocateCrossKv(parts.dimensions, capacity));
    this.#profileDirectory = profileDirectory;
  }

  static async open(options: EngineOptions): Promise<OrtEngine> {
    if (!options.profile) return OrtEngine.#load(options);
    const profileDirectory = await mkdtemp(join(tmpdir(), 'whisper-npu-profile-'));
    try {
      return await OrtEngine.#load(options, profileDirectory);
    } catch (error) {
      await rm(profileDirectory, { recursive: true });
      throw error;
    }
  }

  static async #load({ directory, dimensions, threads }: EngineOptions, profileDirectory?: string): Promise<OrtEngine> {
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
    return new OrtEngine(encoder, { decoder, head, dimensions, aligner: loadAligner }, profileDirectory);
  }

  async encode(logMels: readonly Float32Array[]): Promise<EncodedWindows> {
    const pooled = this.#windows.take(logMels.length);
    for (const [window, logMel] of logMels.entries())
      await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, crossKvOf(pooled, window, 1));
    return {
      startDecoder: (window) => this.#startDecoder(pooled, windowsFor(logMels.length, window)),
      release: () => this.#windows.giveBack(pooled),
    };
  }

  async encoderOutput(logMel: Float32Array): Promise<Float32Array> {
    const { encoder_output } = await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, ['encoder_output']);
    return encoder_output?.data as Float32Array;
  }

  async endProfiles(): Promise<GraphProfile[]> {
    if (this.#profileDirectory === undefined) return [];
    try {
      this.#encoder.endProfiling();
      this.#parts.decoder.endProfiling();
      return await readProfiles(this.#profileDirectory);
    } finally {
      await rm(this.#profileDirectory, { recursive: true });
    }
  }

  #startDecoder(pooled: PooledMemory<CrossKv>, { first, count }: { first: number; count: number }): EngineRun {
    const cache = this.#freeCaches.pop() ?? new RowCache(this.#parts.dimensions);
    return new OrtRun(this.#parts, count, crossKvOf(pooled, first, count), cache, () => this.#freeCaches.push(cache));
  }

  #logMelTensor(logMel: Float32Array): ort.Tensor {
    const { nMels, nAudioCtx } = this.#parts.dimensions;
    return new ort.Tensor('float32', logMel, [1, nMels, 2 * nAudioCtx]);
  }
}

/** Memory for the cross-attention's keys and values of as many windows. */
function allocateCrossKv({ nAudioCtx, nTextHead, nTextLayer, nTextState }: ModelDimensions, capacity: number): CrossKv {
  const headSize = nTextState / nTextHead;
  const tensors: Record<string, ort.Tensor> = {};
  const allocate = (dims: number[]) =>
    new ort.Tensor('float32', new Float32Array(capacity * nAudioCtx * nTextState), dims);
  for (let layer = 0; layer < nTextLayer; layer++) {
    tensors[`cross_k_${layer}`] = allocate([capacity, nTextHead, headSize, nAudioCtx]);
    tensors[`cross_v_${layer}`] = allocate([capacity, nTextHead, nAudioCtx, headSize]);
  }
  return tensors;
}

function runtimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return version;
}

/** Views of the keys and values of some windows. */
function crossKvOf({ capacity, memory }: PooledMemory<CrossKv>, first: number, count: number): CrossKv {
  const views = Object.entries(memory).map(([name, tensor]) => {
    const size = tensor.size / capacity;
    const values = (tensor.data as Float32Array).subarray(first * size, (first + count) * size);
    return [name, new ort.Tensor('float32', values, [count, ...tensor.dims.slice(1)])] as const;
  });
  return Object.fromEntries(views);
}
