import type { Candidate } from '../../logits/candidates.ts';
import { type AllowedRanges, allowedRanges } from '../../logits/timestamp-rules.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { CandidatesRequest } from '../backend.ts';
import { candidatesBehind } from '../candidates.ts';
import type { BufferSlice } from './addon.ts';
import type { StepOutput, Wanted } from './step-output.ts';

/** Graphs write less than this where a token may not come. */
const impossible = -1e29;

/** The candidates behind each text of a step, from graphs that choose them or from logits. */
export class CandidatesOutput implements StepOutput {
  readonly wanted: Wanted;
  /** The request's mask, on the device. */
  readonly suppress: BufferSlice;
  readonly #request: CandidatesRequest;
  readonly #nVocab: number;
  /** Tokens per text. */
  readonly #width: number;
  readonly #candidates: Candidate[][] = [];

  constructor({ nVocab }: ModelDimensions, width: number, request: CandidatesRequest, suppress: BufferSlice) {
    this.wanted = { logitsFrom: width - 1, attention: false, candidates: request.count };
    this.suppress = suppress;
    this.#request = request;
    this.#nVocab = nVocab;
    this.#width = width;
  }

  wantsRow(token: number): boolean {
    return token % this.#width === this.#width - 1;
  }

  putLogits(token: number, row: Float32Array): void {
    this.#put(token, (text) => candidatesBehind(row.slice(0, this.#nVocab), text, this.#request));
  }

  putCandidates(token: number, tokens: Int32Array, logprobs: Float32Array): void {
    const { count } = this.#request;
    const candidates = Array.from(tokens.subarray(0, count), (candidate, i): Candidate => {
      const logprob = logprobs[i] ?? Number.NaN;
      return { token: candidate, logprob: logprob < impossible ? Number.NEGATIVE_INFINITY : logprob };
    });
    this.#put(token, () => candidates);
  }

  putAttention(): void {
    throw new Error('nobody asks for attention with candidates');
  }

  rangesOf(token: number): AllowedRanges | undefined {
    const { timestamps } = this.#request;
    const text = timestamps?.texts[Math.floor(token / this.#width)];
    return timestamps === undefined || text === undefined
      ? undefined
      : allowedRanges(text, timestamps.rules, this.#nVocab);
  }

  result(): Candidate[][] {
    return this.#candidates;
  }

  #put(token: number, candidates: (text: number) => Candidate[]): void {
    const text = Math.floor(token / this.#width);
    this.#candidates[text] = candidates(text);
  }
}
