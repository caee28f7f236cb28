import type { ModelDimensions } from '../../model/dimensions.ts';
import type { GreedyRequest, GreedyResult, Step, StepResult } from '../backend.ts';
import type { CpuLevel } from './cpu-addon.ts';
import type { GraphProfile } from './profile.ts';

export interface EngineOptions {
  /** The folder that convert/prepare-cpu.ts makes. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
  /** By default our own where it can run, else ONNX Runtime. */
  readonly kind?: EngineKind | undefined;
  /** What our own engine computes with: by default what WHISPER_NPU_CPU_LEVEL says, or the best of this processor. */
  readonly level?: CpuLevel | undefined;
  /** Whether to measure how long each operator takes, which slows ONNX Runtime a little. */
  readonly profile?: boolean;
}

/** `native` is native/cpu. */
export type EngineKind = 'native' | 'onnxruntime';

/** What computes, on the thread that calls it, which it blocks. */
export interface Engine {
  /** For people: 'ONNX Runtime 1.30.0'. */
  readonly name: string;
  /** @param logMels f32 [nMels, 2 * nAudioCtx] each */
  encode(logMels: readonly Float32Array[]): Promise<EncodedWindows>;
  /** @returns the encoder's output, f32 [nAudioCtx, nAudioState] */
  encoderOutput(logMel: Float32Array): Promise<Float32Array>;
  /** With `profile`: where the time went. Nothing more is measured. */
  endProfiles(): Promise<GraphProfile[]>;
}

/** Windows in the engine's memory. */
export interface EncodedWindows {
  /** @param window the only one to begin a text over; all by default */
  startDecoder(window?: number): EngineRun;
  /** Gives the memory back for the next windows. */
  release(): void;
}

/** Texts over encoded windows: see DecoderRun. */
export interface EngineRun {
  forward(step: Step): Promise<StepResult>;
  /** @param isAborted asked before every token; when true, decoding ends where it is */
  greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult>;
  close(): void;
}

/** Windows `first` to `first + count`: the one that texts are begun over, or all. */
export function windowsFor(count: number, window: number | undefined): { first: number; count: number } {
  if (window === undefined) return { first: 0, count };
  if (!(window >= 0 && window < count)) throw new RangeError(`there is no window ${window} of ${count}`);
  return { first: window, count: 1 };
}
