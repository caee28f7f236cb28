import type { Candidate } from '../../logits/candidates.ts';
import type { CandidatesRequest, GreedyRequest, GreedyResult, SequenceStep, Step, StepResult } from '../backend.ts';
import type { SequenceTokens } from '../greedy.ts';
import type { EngineFailure } from './engine-failure.ts';
import type { GraphProfile } from './profile.ts';

/**
 * The functions of the engine's thread that the main thread calls. `audio` and `run` are handles of encoded windows and
 * of sequences over them; a greedy run ends early once `abort[0]` is not 0.
 */
export interface EngineCalls {
  encode(logMels: readonly Float32Array<ArrayBuffer>[]): Promise<number>;
  encoderOutput(audio: number, window: number): Promise<Float32Array>;
  releaseAudio(audio: number): Promise<void>;
  startDecoder(audio: number, window: number | undefined): Promise<number>;
  forward(run: number, step: Step): Promise<StepResult>;
  candidates(run: number, step: SequenceStep, request: CandidatesRequest): Promise<Candidate[][]>;
  nextLogprobs(run: number, tokens: SequenceTokens, wantedTokens: readonly number[]): Promise<Float32Array>;
  greedy(run: number, request: GreedyRequest, abort: Int32Array<SharedArrayBuffer>): Promise<GreedyResult>;
  endDecoder(run: number): Promise<void>;
  profiles(): Promise<GraphProfile[]>;
}

export type CallName = keyof EngineCalls;

/** One call on its way to the engine's thread. */
export interface Call<Name extends CallName = CallName> {
  readonly id: number;
  readonly name: Name;
  readonly args: Parameters<EngineCalls[Name]>;
}

/** Its answer. The first answer of all, with id 0, says that the model is loaded, and into what. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: EngineFailure };
