import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { GreedyRequest, GreedyResult } from '../backend.ts';
import type { Choice, VocabularyHead } from './vocabulary-head.ts';

/** Keys and values of one encoded window: per decoder layer f32 [1, nTextHead, headSize, nAudioCtx] and its transpose. */
export type CrossKv = Readonly<Record<string, ort.Tensor>>;

/**
 * The least margin at which a screened choice (graph/vocabulary.ts) is taken as it is; below it, all logits are computed
 * in f32. Three times 1.30, the largest error of a screened logit over 303 steps of whisper-base on real speech, and
 * below 4.44, the least margin of those steps (scripts/measure-screen.mjs).
 */
const safeMargin = 4;

/** What all texts of an engine share. */
export interface DecoderParts {
  readonly decoder: ort.InferenceSession;
  readonly head: VocabularyHead;
  readonly dimensions: ModelDimensions;
}

/** Whether a decoder's graph chooses tokens itself. */
export function isScreened(decoder: ort.InferenceSession): boolean {
  return decoder.outputNames.includes('next_token');
}

/**
 * One text over one window. The cache is position-major, so the rows of the tokens so far are a prefix of it, and the
 * decoder writes the new rows straight behind them.
 */
export class EngineRun {
  readonly #parts: DecoderParts;
  readonly #crossKv: CrossKv;
  readonly #cache: Float32Array;
  readonly #giveBack: () => void;
  readonly #hidden: ort.Tensor;
  readonly #token = new Int32Array(1);
  readonly #logprob = new Float32Array(1);
  readonly #margin = new Float32Array(1);
  readonly #results: Record<string, ort.Tensor>;
  #length = 0;

  /** @param giveBack takes the cache's memory back once the text is done */
  constructor(parts: DecoderParts, crossKv: CrossKv, cache: Float32Array, giveBack: () => void) {
    this.#parts = parts;
    this.#crossKv = crossKv;
    this.#cache = cache;
    this.#giveBack = giveBack;
    const { nTextState } = parts.dimensions;
    this.#hidden = new ort.Tensor('float32', new Float32Array(nTextState), [1, nTextState]);
    const choice = {
      next_token: new ort.Tensor('int32', this.#token, [1]),
      logprob: new ort.Tensor('float32', this.#logprob, [1]),
      margin: new ort.Tensor('float32', this.#margin, [1]),
    };
    this.#results = { hidden: this.#hidden, ...(isScreened(parts.decoder) ? choice : {}) };
  }

  /** Appends tokens. @returns logits f32 [nVocab] of the last one, valid until the next call */
  async forward(tokens: readonly number[]): Promise<Float32Array> {
    await this.#step(tokens, new Float32Array(this.#parts.dimensions.nVocab));
    return this.#parts.head.logits(this.#hidden);
  }

  /** @param isAborted asked before every token; when true, decoding ends where it is */
  async greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult> {
    const tokens: number[] = [];
    const logprobs: number[] = [];
    let input: readonly number[] = request.prompt;
    let suppress = request.beginSuppress;
    while (tokens.length < request.maxTokens && !isAborted()) {
      await this.#step(input, suppress);
      const { token, logprob } = this.#screenedChoice() ?? (await this.#parts.head.choose(this.#hidden, suppress));
      tokens.push(token);
      logprobs.push(logprob);
      if (token === request.stopToken) break;
      input = [token];
      suppress = request.suppress;
    }
    return { tokens, logprobs };
  }

  close(): void {
    this.#giveBack();
  }

  /** The token that the step just done chose, where its graph does so and is sure. */
  #screenedChoice(): Choice | undefined {
    const { decoder } = this.#parts;
    const [token, logprob, margin] = [this.#token[0], this.#logprob[0], this.#margin[0]];
    if (!isScreened(decoder) || token === undefined || logprob === undefined || margin === undefined) return undefined;
    return margin >= safeMargin ? { token, logprob } : undefined;
  }

  async #step(tokens: readonly number[], suppress: Float32Array): Promise<void> {
    const { decoder, dimensions } = this.#parts;
    const n = tokens.length;
    const past = this.#length;
    if (past + n > dimensions.nTextCtx) {
      throw new RangeError(`${past} + ${n} tokens exceed the model's ${dimensions.nTextCtx}`);
    }
    const positions = Int32Array.from(tokens, (_, i) => past + i);
    const feeds = {
      ...this.#crossKv,
      tokens: new ort.Tensor('int32', Int32Array.from(tokens), [1, n]),
      positions: new ort.Tensor('int32', positions, [n]),
      self_kv: this.#rows(0, past),
      ...(isScreened(decoder) ? { suppress: new ort.Tensor('float32', suppress, [suppress.length]) } : {}),
    };
    await decoder.run(feeds, { new_kv: this.#rows(past, past + n), ...this.#results });
    this.#length += n;
  }

  /** A view of the cache: the keys and values of tokens `from` to `to`. */
  #rows(from: number, to: number): ort.Tensor {
    const { nTextLayer, nTextState } = this.#parts.dimensions;
    const rowSize = nTextLayer * 2 * nTextState;
    const view = this.#cache.subarray(from * rowSize, to * rowSize);
    return new ort.Tensor('float32', view, [to - from, 1, nTextLayer, 2, nTextState]);
  }
}
