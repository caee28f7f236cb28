import type { ModelDimensions } from '../../model/dimensions.ts';
import type { StepResult } from '../backend.ts';

/** What of a step's results somebody wants. */
export interface Wanted {
  /** Logits are wanted from behind this token of each text on; none where it is the number of tokens. */
  readonly logitsFrom: number;
  readonly attention: boolean;
}

/** The results of one step of many texts, which arrive row by row. */
export class StepOutput {
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

  wantsLogits(token: number): boolean {
    return token % this.#width >= this.wanted.logitsFrom;
  }

  /** @param token counts all tokens of the step, text by text */
  putLogits(token: number, row: Float32Array): void {
    const { logitsFrom } = this.wanted;
    const text = Math.floor(token / this.#width);
    const place = text * (this.#width - logitsFrom) + (token % this.#width) - logitsFrom;
    this.#logits.set(row, place * this.#dimensions.nVocab);
  }

  /**
   * @param rows which token stands in each row of the scores, if any
   * @param scores f32 [heads, rows, nAudioCtx]
   */
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
