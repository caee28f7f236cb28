import type { Candidate } from '../logits/candidates.ts';
import type { TimestampRules } from '../logits/timestamp-rules.ts';
import type { ModelDimensions } from '../model/dimensions.ts';

/**
 * Runs the encoder and the decoder of one model on one device. It deals with tensors and token ids and knows nothing of text or
 * languages. All its methods reject with the reason of `signal` when that is aborted.
 */
export interface Backend extends AsyncDisposable {
  /** The device that is used, for display: 'CPU, 2 threads (AVX2)'. */
  readonly device: string;
  readonly dimensions: ModelDimensions;
  /** Whether steps can return the alignment heads' attention, from which word times are computed. */
  readonly givesAttention: boolean;
  /**
   * Encodes windows that are decoded together.
   *
   * @param logMels f32 [nMels, 2 * nAudioCtx] each, at least one; their buffers are transferred and must not be used afterwards
   */
  encode(logMels: readonly Float32Array<ArrayBuffer>[], signal?: AbortSignal): Promise<EncodedAudio>;
}

/**
 * Keys and values for the decoder's cross-attention, of one or more windows. They stay with the backend; disposing of them
 * frees their memory for the next windows and ends the sequences over them.
 */
export interface EncodedAudio extends AsyncDisposable {
  /** How many windows there are. */
  readonly count: number;
  /**
   * Starts decoding with one empty sequence over each window.
   *
   * @param window the only window to decode; all by default
   */
  startDecoder(window?: number): Promise<DecoderRun>;
  /** The encoder's output, f32 [nAudioCtx, nAudioState], for comparisons; computed again by backends that do not keep it. */
  encoderOutput(window?: number): Promise<Float32Array>;
}

/**
 * Sequences that are decoded together. At first there is one empty sequence per window; every step replaces the sequences by
 * continuations of them, so that the hypotheses of a search can branch and end without copying what they share.
 */
export interface DecoderRun extends AsyncDisposable {
  /** Appends given tokens to sequences. */
  forward(step: Step, signal?: AbortSignal): Promise<StepResult>;
  /**
   * Appends tokens to sequences and returns the likeliest next tokens of each, for beam search: a few numbers in place of all
   * logits.
   *
   * @returns for each sequence `request.count` candidates, likeliest first
   */
  candidates(step: SequenceStep, request: CandidatesRequest, signal?: AbortSignal): Promise<Candidate[][]>;
  /**
   * Appends the same number of tokens to each sequence, and returns how likely some tokens are behind them, in place of all
   * logits. The last token of each sequence is removed again, so that a later call begins with it.
   *
   * @param wantedTokens the tokens whose log-probabilities are wanted
   * @returns f32 [sequences, wantedTokens.length]
   */
  nextLogprobs(
    tokens: readonly (readonly number[])[],
    wantedTokens: readonly number[],
    signal?: AbortSignal,
  ): Promise<Float32Array>;
  /**
   * Greedy decoding of one sequence over each window: appends prompts, then the likeliest allowed token until every sequence has
   * ended. The loop runs in the engine's thread or on the device, so that no token waits for the caller. The last token of each
   * sequence has not been appended, so that a later call begins with it.
   */
  greedy(request: GreedyRequest, signal?: AbortSignal): Promise<GreedyResult>;
}

/** A step: sequence i becomes the former sequence `parents[i]` followed by `tokens[i]`. */
export interface SequenceStep {
  /** The same number for every sequence, at least one. */
  readonly tokens: readonly (readonly number[])[];
  /**
   * The sequence that each continues; by default sequence i continues sequence i. Sequences are in the order of their windows, with
   * the same number for each.
   */
  readonly parents?: readonly number[];
}

export interface Step extends SequenceStep {
  /** Logits are returned from this token of each sequence on; by default for the last one only. */
  readonly logitsFrom?: number;
  /** Whether to return the alignment heads' attention too. */
  readonly attention?: boolean;
}

export interface StepResult {
  /** f32 [sequences, tokens - logitsFrom, nVocab] */
  readonly logits: Float32Array;
  /**
   * With `attention`: f32 [sequences, alignment heads, tokens, nAudioCtx], the scores of cross-attention before the softmax.
   */
  readonly attention?: Float32Array;
}

export interface CandidatesRequest {
  /** How many candidates are wanted for each sequence, at most nVocab. */
  readonly count: number;
  /** Added to the logits; f32 [nVocab], 0 or -Infinity. */
  readonly suppress: Float32Array;
  /** Applies Whisper's timestamp rules; without it, timestamps are tokens like others. */
  readonly timestamps?: {
    readonly rules: TimestampRules;
    /** The tokens of each sequence behind its prompt, those of the step included. */
    readonly sequences: readonly (readonly number[])[];
  };
}

export interface GreedyRequest {
  /** Tokens to append first, for each sequence at least one. */
  readonly prompts: readonly (readonly number[])[];
  /** Added to the logits of each sequence's first new token; f32 [nVocab], 0 or -Infinity. */
  readonly beginSuppress: Float32Array;
  /** The same for every token after it. */
  readonly suppress: Float32Array;
  /** Applies Whisper's timestamp rules; without it, timestamps are tokens like others. */
  readonly timestamps?: {
    readonly rules: TimestampRules;
    /** The tokens of each sequence so far, those of its prompt included where they are sequence. */
    readonly sequences: readonly (readonly number[])[];
  };
  /** A sequence ends with this token, which is part of the result. */
  readonly stopToken: number;
  /** The most new tokens of a sequence, the stop token included. */
  readonly maxTokens: number;
  /** Whether to return `batches`. */
  readonly timed?: boolean;
}

/** Decoder steps that were awaited together; each appends a token to each sequence. */
export interface StepBatch {
  /** Steps behind the stop token are counted too, although they were not needed. */
  readonly steps: number;
  readonly elapsedMs: number;
}

/** The result of greedy decoding for one sequence. */
export interface GreedySequence {
  /** The tokens behind the prompt, including the stop token once it is reached. */
  readonly tokens: readonly number[];
  /** The log-probability of each token among the allowed ones. NaN where the model's weights are not numbers. */
  readonly logprobs: readonly number[];
  /**
   * The largest difference of each log-probability from that of `forward`; 0 where they are equal. The tokens are exact, but an
   * int8 prefilter makes the logits of unlikely tokens approximate, and with them the sum in the log-probabilities.
   */
  readonly logprobErrors: readonly number[];
}

export interface GreedyResult {
  readonly sequences: readonly GreedySequence[];
  /** In order, where `timed` was set. The first includes the prompt, whose last step yields the first token. */
  readonly batches?: readonly StepBatch[];
}
