import { join } from 'node:path';
import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { type CrossKv, type DecoderParts, EngineRun, isScreened } from './engine-run.ts';
import { VocabularyHead } from './vocabulary-head.ts';

export interface EngineOptions {
  /** The folder that convert/prepare-cpu.ts makes. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
}

/** The graphs on ONNX Runtime, with the memory they write to. Runs on the calling thread and blocks it. */
export class CpuEngine {
  readonly #encoder: ort.InferenceSession;
  readonly #parts: DecoderParts;
  /** Memory of released windows and caches: a recording reuses the same few blocks from start to end. */
  readonly #freeCrossKv: CrossKv[] = [];
  readonly #freeCaches: Float32Array[] = [];

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
    const encoder = await ort.InferenceSession.create(join(directory, 'encoder.onnx'), options);
    const decoder = await ort.InferenceSession.create(join(directory, 'decoder.onnx'), options);
    const head = await VocabularyHead.open(directory, dimensions, options, isScreened(decoder));
    return new CpuEngine(encoder, { decoder, head, dimensions });
  }

  /** @param logMel f32 [nMels, 2 * nAudioCtx] */
  async encode(logMel: Float32Array): Promise<CrossKv> {
    const crossKv = this.#freeCrossKv.pop() ?? this.#allocateCrossKv();
    await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, crossKv);
    return crossKv;
  }

  /** @returns the encoder's output, f32 [nAudioCtx, nAudioState] */
  async encoderOutput(logMel: Float32Array): Promise<Float32Array> {
    const { encoder_output } = await this.#encoder.run({ log_mel: this.#logMelTensor(logMel) }, ['encoder_output']);
    return encoder_output?.data as Float32Array;
  }

  /** Gives a window's memory back for the next one. */
  release(crossKv: CrossKv): void {
    this.#freeCrossKv.push(crossKv);
  }

  startDecoder(crossKv: CrossKv): EngineRun {
    const { nTextCtx, nTextLayer, nTextState } = this.#parts.dimensions;
    const cache = this.#freeCaches.pop() ?? new Float32Array(nTextCtx * nTextLayer * 2 * nTextState);
    const giveBack = () => this.#freeCaches.push(cache);
    return new EngineRun(this.#parts, crossKv, cache, giveBack);
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

  #allocateCrossKv(): CrossKv {
    const { nAudioCtx, nTextHead, nTextLayer, nTextState } = this.#parts.dimensions;
    const headSize = nTextState / nTextHead;
    const tensors: Record<string, ort.Tensor> = {};
    const allocate = (dims: number[]) => new ort.Tensor('float32', new Float32Array(nAudioCtx * nTextState), dims);
    for (let layer = 0; layer < nTextLayer; layer++) {
      tensors[`cross_k_${layer}`] = allocate([1, nTextHead, headSize, nAudioCtx]);
      tensors[`cross_v_${layer}`] = allocate([1, nTextHead, nAudioCtx, headSize]);
    }
    return tensors;
  }
}
