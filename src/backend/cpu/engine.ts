import type { Candidate } from '../../logits/candidates.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { CandidatesRequest, GreedyRequest, GreedyResult, SequenceStep, Step, StepResult } from '../backend.ts';
import type { CpuLevel } from '../cpu-level.ts';
import type { SequenceTokens } from '../greedy.ts';

export interface EngineOptions {
  /** The folder that convert/prepare-cpu.ts makes. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
  /** What it computes with: by default what WHISPER_NPU_CPU_LEVEL says, or the best of this processor. */
  readonly level?: CpuLevel | undefined;
}

/** Windows in the engine's memory. */
export interface EncodedWindows {
  /** @param window the only one to begin a sequence over; all by default */
  startDecoder(window?: number): EngineRun;
  /** Gives the memory back for the next windows. */
  release(): void;
}

/** Sequences over encoded windows: see DecoderRun. */
export interface EngineRun {
  forward(step: Step): Promise<StepResult>;
  candidates(step: SequenceStep, request: CandidatesRequest): Promise<Candidate[][]>;
  nextLogprobs(tokens: SequenceTokens, wantedTokens: readonly number[]): Promise<Float32Array>;
  /** @param isAborted asked before every token; when true, decoding ends where it is */
  greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult>;
  close(): void;
}

/** Windows `first` to `first + count`: the one that sequences are begun over, or all. */
export function windowsFor(count: number, window: number | undefined): { first: number; count: number } {
  if (window === undefined) return { first: 0, count };
  if (!(window >= 0 && window < count)) throw new RangeError(`there is no window ${window} of ${count}`);
  return { first: window, count: 1 };
}
