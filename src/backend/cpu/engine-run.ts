import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { GreedyRequest, GreedyResult } from '../backend.ts';
import type { VocabularyHead } from './vocabulary-head.ts';

/** Keys and values of one encoded window: per decoder layer f32 [1, nTextHead, headSize, nAudioCtx] and its transpose. */
export type CrossKv = Readonly<Record<string, ort.Tensor>>;

/**
 * One text over one window. The cache is position-major, so the rows of the tokens so far are a prefix of it, and the
 * decoder writes the new rows straight behind them.
 */
export class EngineRun {
  readonly #decoder: ort.InferenceSession;
  readonly #head: VocabularyHead;
  readonly #dimensions: ModelDimensions;
  readonly #crossKv: CrossKv;
  readonly #cache: Float32Array;
  readonly #giveBack: () => void;
  readonly #hidden: ort.Tensor;
  #length = 0;

  constructor(
    decoder: ort.InferenceSession,
    head: VocabularyHead,
    dimensions: ModelDimensions,
    crossKv: CrossKv,
    cache: Float32Array,
    giveBack: () => void,
  ) {
    this.#decoder = decoder;
    this.#head = head;
    this.#dimensions = dimensions;
    this.#crossKv = crossKv;
    this.#cache = cache;
    this.#giveBack = giveBack;
    this.#hidden = new ort.Tensor('float32', new Float32Array(dimensions.nTextState), [1, dimensions.nTextState]);
  }

  /** Appends tokens. @returns logits f32 [nVocab] of the last one, valid until the next call */
  async forward(tokens: readonly number[]): Promise<Float32Array> {
    await this.#step(tokens);
    return this.#head.logits(this.#hidden);
  }

  /** @param isAborted asked before every token; when true, decoding ends where it is */
  async greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult> {
    const tokens: number[] = [];
    const logprobs: number[] = [];
    let input: readonly number[] = request.prompt;
    let suppress = request.beginSuppress;
    while (tokens.length < request.maxTokens && !isAborted()) {
      await this.#step(input);
      const { token, logprob } = await this.#head.choose(this.#hidden, suppress);
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

  async #step(tokens: readonly number[]): Promise<void> {
    const { nTextCtx } = this.#dimensions;
    const n = tokens.length;
    const past = this.#length;
    if (past + n > nTextCtx) throw new RangeError(`${past} + ${n} tokens exceed the model's ${nTextCtx}`);
    const positions = Int32Array.from(tokens, (_, i) => past + i);
    const feeds = {
      ...this.#crossKv,
      tokens: new ort.Tensor('int32', Int32Array.from(tokens), [1, n]),
      positions: new ort.Tensor('int32', positions, [n]),
      self_kv: this.#rows(0, past),
    };
    await this.#decoder.run(feeds, { new_kv: this.#rows(past, past + n), hidden: this.#hidden });
    this.#length += n;
  }

  /** A view of the cache: the keys and values of tokens `from` to `to`. */
  #rows(from: number, to: number): ort.Tensor {
    const { nTextLayer, nTextState } = this.#dimensions;
    const rowSize = nTextLayer * 2 * nTextState;
    const view = this.#cache.subarray(from * rowSize, to * rowSize);
    return new ort.Tensor('float32', view, [to - from, 1, nTextLayer, 2, nTextState]);
  }
}
