import type { ModelDimensions } from '../model/dimensions.ts';

/**
 * What runs a model: one encoder, one decoder, on one device. It deals in tensors and token ids and knows nothing of
 * text or languages. All its methods reject with the reason of `signal` when that is aborted.
 */
export interface Backend extends AsyncDisposable {
  /** The device really used, for people: 'CPU, 2 threads (ONNX Runtime 1.30.0)'. */
  readonly device: string;
  readonly dimensions: ModelDimensions;
  /**
   * Encodes one window.
   *
   * @param logMel f32 [nMels, 2 * nAudioCtx]; the backend takes its buffer, which is empty afterwards
   */
  encode(logMel: Float32Array<ArrayBuffer>, signal?: AbortSignal): Promise<EncodedAudio>;
}

/**
 * Keys and values for the decoder's cross-attention. They stay with the backend; disposing of them frees their memory for
 * the next window and ends the texts over them.
 */
export interface EncodedAudio extends AsyncDisposable {
  /** Begins a text over this audio with an empty cache. At most one decoder per audio is open at a time. */
  startDecoder(): Promise<DecoderRun>;
  /** The encoder's output, f32 [nAudioCtx, nAudioState], for comparisons; computed anew by those who ask. */
  encoderOutput(): Promise<Float32Array>;
}

/** One text being decoded: a cache of the tokens so far. */
export interface DecoderRun extends AsyncDisposable {
  /**
   * Appends tokens (several make a prefill).
   *
   * @returns logits f32 [nVocab] of the last one
   */
  forward(tokens: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  /**
   * Appends a prompt, then the likeliest allowed token again and again, without a round trip per token. The last token of
   * the result has not been appended: a call that goes on from there begins with it.
   */
  greedy(request: GreedyRequest, signal?: AbortSignal): Promise<GreedyResult>;
}

export interface GreedyRequest {
  /** Tokens to append first, at least one. */
  readonly prompt: readonly number[];
  /** Added to the logits of the first new token; f32 [nVocab], 0 or -Infinity. */
  readonly beginSuppress: Float32Array;
  /** The same for every token after it. */
  readonly suppress: Float32Array;
  /** Decoding ends with this token, which is part of the result. */
  readonly stopToken: number;
  /** The most new tokens, the stop token included. */
  readonly maxTokens: number;
}

export interface GreedyResult {
  readonly tokens: number[];
  /** Log-probability of each token under the suppressed logits. */
  readonly logprobs: number[];
}
