import type { AllowedRanges } from '../../logits/timestamp-rules.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { StepResult } from '../backend.ts';
import type { BufferSlice } from './addon.ts';

/** Which results of a step are wanted. */
export interface Wanted {
  /** Logits are wanted from this token of each sequence on; the number of tokens for none. */
  readonly logitsFrom: number;
  readonly attention: boolean;
  /** So many candidates in index of the logits, where a graph gives them. */
  readonly candidates?: number;
}

/** Collects the results of a step, which arrive row by row. Tokens are numbered over the whole step, sequence by sequence. */
export interface StepOutput {
  readonly wanted: Wanted;
  /** The mask for candidates; undefined where none are wanted. */
  readonly suppress?: BufferSlice;
  /** Which tokens may come behind a token of the step; undefined without timestamp rules. */
  rangesOf?(token: number): AllowedRanges | undefined;
  /** Whether results are wanted for a token. */
  wantsRow(token: number): boolean;
  putLogits(token: number, row: Float32Array): void;
  putCandidates(token: number, tokens: Int32Array, logprobs: Float32Array): void;
  /**
   * @param rows the token in each row of the scores; undefined for padding rows
   * @param scores f32 [heads, rows, nAudioCtx]
   */
  putAttention(rows: readonly (number | undefined)[], heads: number, scores: Float32Array): void;
}

/** Logits and attention. */
export class LogitsOutput implements StepOutput {
  readonly wanted: Wanted;
  readonly #dimensions: ModelDimensions;
  readonly #sequences: number;
  readonly #tokensPerSequence: number;
  readonly #logits: Float32Array;
  #attention: Float32Array | undefined;

  constructor(dimensions: ModelDimensions, sequences: number, tokensPerSequence: number, wanted: Wanted) {
    this.#dimensions = dimensions;
    this.#sequences = sequences;
    this.#tokensPerSequence = tokensPerSequence;
    this.wanted = wanted;
    this.#logits = new Float32Array(sequences * (tokensPerSequence - wanted.logitsFrom) * dimensions.nVocab);
  }

  wantsRow(token: number): boolean {
    return token % this.#tokensPerSequence >= this.wanted.logitsFrom;
  }

  putLogits(token: number, row: Float32Array): void {
    const { logitsFrom } = this.wanted;
    const sequence = Math.floor(token / this.#tokensPerSequence);
    const index = sequence * (this.#tokensPerSequence - logitsFrom) + (token % this.#tokensPerSequence) - logitsFrom;
    this.#logits.set(row, index * this.#dimensions.nVocab);
  }

  putCandidates(): void {
    throw new Error('candidates are never computed together with logits');
  }

  putAttention(rows: readonly (number | undefined)[], heads: number, scores: Float32Array): void {
    const { nAudioCtx } = this.#dimensions;
    this.#attention ??= new Float32Array(this.#sequences * heads * this.#tokensPerSequence * nAudioCtx);
    for (const [row, token] of rows.entries()) {
      if (token === undefined) continue;
      const sequence = Math.floor(token / this.#tokensPerSequence);
      for (let head = 0; head < heads; head++) {
        const from = (head * rows.length + row) * nAudioCtx;
        const index = (sequence * heads + head) * this.#tokensPerSequence + (token % this.#tokensPerSequence);
        this.#attention.set(scores.subarray(from, from + nAudioCtx), index * nAudioCtx);
      }
    }
  }

  result(): StepResult {
    return this.#attention === undefined
      ? { logits: this.#logits }
      : { logits: this.#logits, attention: this.#attention };
  }
}
