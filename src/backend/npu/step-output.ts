import type { AllowedRanges } from '../../logits/timestamp-rules.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { StepResult } from '../backend.ts';
import type { BufferSlice } from './addon.ts';

/** What of a step's results somebody wants. */
export interface Wanted {
  /** Logits are wanted from behind this token of each text on; none where it is the number of tokens. */
  readonly logitsFrom: number;
  readonly attention: boolean;
  /** So many candidates in place of the logits, where a graph gives them. */
  readonly candidates?: number;
}

/** The results of one step of many texts, which arrive row by row. Tokens are counted over the whole step, text by text. */
export interface StepOutput {
  readonly wanted: Wanted;
  /** The mask to choose candidates by; without it nobody looks at them. */
  readonly suppress?: BufferSlice;
  /** What may come behind a token; undefined where there are no rules. */
  rangesOf?(token: number): AllowedRanges | undefined;
  /** Whether something is wanted of the row that a token gives. */
  wantsRow(token: number): boolean;
  putLogits(token: number, row: Float32Array): void;
  putCandidates(token: number, tokens: Int32Array, logprobs: Float32Array): void;
  /**
   * @param rows which token stands in each row of the scores, if any
   * @param scores f32 [heads, rows, nAudioCtx]
   */
  putAttention(rows: readonly (number | undefined)[], heads: number, scores: Float32Array): void;
}

/** Logits and attention. */
export class LogitsOutput implements StepOutput {
  readonly wanted: Wanted;
  readonly #dimensions: ModelDimensions;
  readonly #texts: number;
  /** Tokens per text. */
  readonly #width: number;
  readonly #logits: Float32Array;
  #attention: Float32Array | undefined;

  constructor(dimensions: ModelDimensions, texts: number, width: number, wanted: Wanted) {
    this.#dimensions = dimensions;
    this.#texts = texts;
    this.#width = width;
    this.wanted = wanted;
    this.#logits = new Float32Array(texts * (width - wanted.logitsFrom) * dimensions.nVocab);
  }

  wantsRow(token: number): boolean {
    return token % this.#width >= this.wanted.logitsFrom;
  }

  putLogits(token: number, row: Float32Array): void {
    const { logitsFrom } = this.wanted;
    const text = Math.floor(token / this.#width);
    const place = text * (this.#width - logitsFrom) + (token % this.#width) - logitsFrom;
    this.#logits.set(row, place * this.#dimensions.nVocab);
  }

  putCandidates(): void {
    throw new Error('nobody asks for candidates with logits');
  }

  putAttention(rows: readonly (number | undefined)[], heads: number, scores: Float32Array): void {
    const { nAudioCtx } = this.#dimensions;
    this.#attention ??= new Float32Array(this.#texts * heads * this.#width * nAudioCtx);
    for (const [row, token] of rows.entries()) {
      if (token === undefined) continue;
      const text = Math.floor(token / this.#width);
      for (let head = 0; head < heads; head++) {
        const from = (head * rows.length + row) * nAudioCtx;
        const place = (text * heads + head) * this.#width + (token % this.#width);
        this.#attention.set(scores.subarray(from, from + nAudioCtx), place * nAudioCtx);
      }
    }
  }

  result(): StepResult {
    return this.#attention === undefined
      ? { logits: this.#logits }
      : { logits: this.#logits, attention: this.#attention };
  }
}
