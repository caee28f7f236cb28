import type { Candidate } from '../../logits/candidates.ts';
import { type AllowedRanges, allowedRanges } from '../../logits/timestamp-rules.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { CandidatesRequest } from '../backend.ts';
import { candidatesBehind } from '../candidates.ts';
import type { BufferSlice } from './addon.ts';
import type { StepOutput, Wanted } from './step-output.ts';

/** The log-probability that graphs return for masked tokens is lower than this. */
const maskedLogprob = -1e29;

/** Collects the candidates for each sequence of a step, from graphs that compute them or from logits. */
export class CandidatesOutput implements StepOutput {
  readonly wanted: Wanted;
  /** The request's mask, on the device. */
  readonly suppress: BufferSlice;
  readonly #request: CandidatesRequest;
  readonly #nVocab: number;
  readonly #tokensPerSequence: number;
  readonly #candidates: Candidate[][] = [];

  constructor(
    { nVocab }: ModelDimensions,
    tokensPerSequence: number,
    request: CandidatesRequest,
    suppress: BufferSlice,
  ) {
    this.wanted = { logitsFrom: tokensPerSequence - 1, attention: false, candidates: request.count };
    this.suppress = suppress;
    this.#request = request;
    this.#nVocab = nVocab;
    this.#tokensPerSequence = tokensPerSequence;
  }

  wantsRow(token: number): boolean {
    return token % this.#tokensPerSequence === this.#tokensPerSequence - 1;
  }

  putLogits(token: number, row: Float32Array): void {
    this.#put(token, (sequence) => candidatesBehind(row.slice(0, this.#nVocab), sequence, this.#request));
  }

  putCandidates(token: number, tokens: Int32Array, logprobs: Float32Array): void {
    const { count } = this.#request;
    const candidates = Array.from(tokens.subarray(0, count), (candidate, i): Candidate => {
      const logprob = logprobs[i] ?? Number.NaN;
      return { token: candidate, logprob: logprob < maskedLogprob ? Number.NEGATIVE_INFINITY : logprob };
    });
    this.#put(token, () => candidates);
  }

  putAttention(): void {
    throw new Error('attention is never computed together with candidates');
  }

  rangesOf(token: number): AllowedRanges | undefined {
    const { timestamps } = this.#request;
    const sequence = timestamps?.sequences[Math.floor(token / this.#tokensPerSequence)];
    return timestamps === undefined || sequence === undefined
      ? undefined
      : allowedRanges(sequence, timestamps.rules, this.#nVocab);
  }

  result(): Candidate[][] {
    return this.#candidates;
  }

  #put(token: number, candidates: (sequence: number) => Candidate[]): void {
    const sequence = Math.floor(token / this.#tokensPerSequence);
    this.#candidates[sequence] = candidates(sequence);
  }
}
