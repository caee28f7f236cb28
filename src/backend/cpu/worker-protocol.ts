import type { GreedyRequest, GreedyResult } from '../backend.ts';

/**
 * What the main thread asks of the engine's thread, as functions. `window` and `run` are handles of encoded windows and
 * of texts; a greedy run ends early once `abort[0]` is not 0.
 */
export interface EngineCalls {
  encode(logMel: Float32Array<ArrayBuffer>): Promise<number>;
  encoderOutput(window: number): Promise<Float32Array>;
  releaseWindow(window: number): Promise<void>;
  startDecoder(window: number): Promise<number>;
  forward(run: number, tokens: readonly number[]): Promise<Float32Array>;
  greedy(run: number, request: GreedyRequest, abort: Int32Array<SharedArrayBuffer>): Promise<GreedyResult>;
  endDecoder(run: number): Promise<void>;
}

export type CallName = keyof EngineCalls;

/** One call on its way to the engine's thread. */
export interface Call<Name extends CallName = CallName> {
  readonly id: number;
  readonly name: Name;
  readonly args: Parameters<EngineCalls[Name]>;
}

/** Its answer. The first answer of all, with id 0, says that the model is loaded. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly stack: string | undefined } };
