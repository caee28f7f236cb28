import type { Candidate } from '../logits/candidates.ts';
import type { TimestampRules } from '../logits/timestamp-rules.ts';
import type { ModelDimensions } from '../model/dimensions.ts';

/**
 * What runs a model: one encoder, one decoder, on one device. It deals in tensors and token ids and knows nothing of
 * text or languages. All its methods reject with the reason of `signal` when that is aborted.
 */
export interface Backend extends AsyncDisposable {
  /** The device really used, for people: 'CPU, 2 threads (AVX2)'. */
  readonly device: string;
  readonly dimensions: ModelDimensions;
  /** Whether the alignment heads' attention can be asked for, which tells when words were said. */
  readonly givesAttention: boolean;
  /**
   * Encodes windows that are decoded together.
   *
   * @param logMels f32 [nMels, 2 * nAudioCtx] each, at least one; the backend takes their buffers, so nobody may use
   *   them afterwards
   */
  encode(logMels: readonly Float32Array<ArrayBuffer>[], signal?: AbortSignal): Promise<EncodedAudio>;
}

/**
 * Keys and values for the decoder's cross-attention, of one or more windows. They stay with the backend; disposing of them
 * frees their memory for the next windows and ends the texts over them.
 */
export interface EncodedAudio extends AsyncDisposable {
  /** How many windows there are. */
  readonly count: number;
  /**
   * Begins one empty text per window.
   *
   * @param window the only window to begin a text over; all by default
   */
  startDecoder(window?: number): Promise<DecoderRun>;
  /** The encoder's output, f32 [nAudioCtx, nAudioState], for comparisons; computed anew by those who ask. */
  encoderOutput(window?: number): Promise<Float32Array>;
}

/**
 * Texts that are decoded together. To begin with there is one empty text per window; every step replaces the texts by
 * continuations of them, so that hypotheses of a search branch and vanish without a copy of what they share.
 */
export interface DecoderRun extends AsyncDisposable {
  /** Continues texts by given tokens. */
  forward(step: Step, signal?: AbortSignal): Promise<StepResult>;
  /**
   * Continues texts and says how each is likeliest to go on, as beams ask: a few numbers in place of all logits.
   *
   * @returns per text as many as were asked for, likeliest first
   */
  candidates(step: TextStep, request: CandidatesRequest, signal?: AbortSignal): Promise<Candidate[][]>;
  /**
   * Appends tokens to each text, as many to each, and says how likely some tokens are behind them: a few numbers in place of all
   * logits. The last token of each is taken away again: a call that goes on from there begins with it.
   *
   * @param of the tokens that are asked for
   * @returns their log-probabilities, f32 [texts, of.length]
   */
  ask(tokens: readonly (readonly number[])[], of: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  /**
   * With one text over each window: appends prompts, then the likeliest allowed token again and again until every text has ended,
   * beside the engine or on the device, so that no token waits for its caller. The last token of each text has not been appended:
   * a call that goes on from there begins with it.
   */
  greedy(request: GreedyRequest, signal?: AbortSignal): Promise<GreedyResult>;
}

/** Texts after a step: text i is text `sources[i]` of before with `tokens[i]` behind it. */
export interface TextStep {
  /** As many for every text, at least one. */
  readonly tokens: readonly (readonly number[])[];
  /**
   * Which text each goes on from; by default text i from text i. Texts stand in the order of their windows, as many for
   * each.
   */
  readonly sources?: readonly number[];
}

export interface Step extends TextStep {
  /** Logits are given from behind this token on; by default behind the last one only. */
  readonly logitsFrom?: number;
  /** Gives the alignment heads' attention too. */
  readonly attention?: boolean;
}

export interface StepResult {
  /** f32 [texts, tokens - logitsFrom, nVocab] */
  readonly logits: Float32Array;
  /**
   * With `attention`: f32 [texts, alignment heads, tokens, nAudioCtx], the scores of cross-attention before the softmax.
   */
  readonly attention?: Float32Array;
}

export interface CandidatesRequest {
  /** How many are wanted behind each text, at most nVocab. */
  readonly count: number;
  /** Added to the logits; f32 [nVocab], 0 or -Infinity. */
  readonly suppress: Float32Array;
  /** Places timestamps by Whisper's rules; without it, they are tokens like others. */
  readonly timestamps?: {
    readonly rules: TimestampRules;
    /** The tokens of each text behind its prompt, those of the step included. */
    readonly texts: readonly (readonly number[])[];
  };
}

export interface GreedyRequest {
  /** Tokens to append first, for each text at least one. */
  readonly prompts: readonly (readonly number[])[];
  /** Added to the logits of each text's first new token; f32 [nVocab], 0 or -Infinity. */
  readonly beginSuppress: Float32Array;
  /** The same for every token after it. */
  readonly suppress: Float32Array;
  /** Places timestamps by Whisper's rules; without it, they are tokens like others. */
  readonly timestamps?: {
    readonly rules: TimestampRules;
    /** The tokens of each text so far, those of its prompt included where they are text. */
    readonly texts: readonly (readonly number[])[];
  };
  /** A text ends with this token, which is part of the result. */
  readonly stopToken: number;
  /** The most new tokens of a text, the stop token included. */
  readonly maxTokens: number;
  /** Asks for `batches` in the result. */
  readonly timed?: boolean;
}

/** Decoder steps that were waited for together, a token of each text in each. */
export interface StepBatch {
  /** Those behind the stop token count too: they ran in vain. */
  readonly steps: number;
  readonly elapsedMs: number;
}

/** A text that was decoded greedily. */
export interface GreedyText {
  /** Behind the prompt; the stop token included once it is reached. */
  readonly tokens: readonly number[];
  /** Log-probability of each token among those that were allowed. NaN where the model's weights are no numbers. */
  readonly logprobs: readonly number[];
  /**
   * How far each log-probability may be from what `forward` would give, 0 where it is the same. The tokens are exact, but
   * where logits are screened in 8 bits, those of unlikely tokens are rough, and with them what the likely one is divided by.
   */
  readonly logprobErrors: readonly number[];
}

export interface GreedyResult {
  readonly texts: readonly GreedyText[];
  /** In order, where `timed` was asked for. The first holds the prompt as well: its last step gives the first token. */
  readonly batches?: readonly StepBatch[];
}
