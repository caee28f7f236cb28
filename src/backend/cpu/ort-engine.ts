import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { type EncodedWindows, type Engine, type EngineOptions, type EngineRun, windowsFor } from './engine.ts';
import { type CrossKv, type DecoderParts, isScreened, OrtRun } from './ort-run.ts';
import { type GraphProfile, profilePrefix, readProfiles } from './profile.ts';
import { RowCache } from './row-cache.ts';
import { VocabularyHead } from './vocabulary-head.ts';

interface WindowMemory {
  readonly capacity: number;
  /** Of `capacity` windows. */
  readonly crossKv: CrossKv;
}

/** The graphs on ONNX Runtime, with the memory they write to. Runs on the calling thread and blocks it. */
export class OrtEngine implements Engine {
  readonly name = `ONNX Runtime ${runtimeVersion()}`;
  readonly #encoder: ort.InferenceSession;
  readonly #parts: DecoderParts;
  /** Memory of released windows and caches: a recording reuses the same few blocks from start to end. */
  #freeWindows: WindowMemory[] = [];
  readonly #freeCaches: RowCache[] = [];

  /** Where ONNX Runtime writes how long each operator takes. */
  readonly #profileDirectory: string | undefined;

  private constructor(encoder: ort.InferenceSession, parts: DecoderParts, profileDirectory: string | undefined) {
    this.#encoder = encoder;
    this.#parts = parts;
    this.#profileDirectory = profileDirectory;
  }

  static async open({ directory, dimensions, threads, profile = false }: EngineOptions): Promise<OrtEngine> {
    const profileDirectory = profile ? await mkdtemp(join(tmpdir(), 'whisper-npu-profile-')) : undefined;
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
    const memory = this.#takeWindows(logMels.length);
    for (const [window, logMel] of logMels.entries())
      await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, crossKvOf(memory, window, 1));
    return {
      startDecoder: (window) => this.#startDecoder(memory, windowsFor(logMels.length, window)),
      release: () => this.#freeWindows.push(memory),
    };
  }

  async encoderOutput(logMel: Float32Array): Promise<Float32Array> {
    const { encoder_output } = await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, ['encoder_output']);
    return encoder_output?.data as Float32Array;
  }

  async endProfiles(): Promise<GraphProfile[]> {
    if (this.#profileDirectory === undefined) return [];
    this.#encoder.endProfiling();
    this.#parts.decoder.endProfiling();
    try {
      return await readProfiles(this.#profileDirectory);
    } finally {
      await rm(this.#profileDirectory, { recursive: true });
    }
  }

  #startDecoder(memory: WindowMemory, { first, count }: { first: number; count: number }): EngineRun {
    const cache = this.#freeCaches.pop() ?? new RowCache(this.#parts.dimensions);
    return new OrtRun(this.#parts, count, crossKvOf(memory, first, count), cache, () => this.#freeCaches.push(cache));
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

function runtimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return version;
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
