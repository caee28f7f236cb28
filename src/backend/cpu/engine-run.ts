import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { GreedyRequest, GreedyResult, Step, StepBatch, StepResult } from '../backend.ts';
import { type RowPlan, TextTree, visibilityBias } from '../text-tree.ts';
import type { RowCache } from './row-cache.ts';
import type { Choice, VocabularyHead } from './vocabulary-head.ts';

/**
 * Keys and values of encoded windows: per decoder layer f32 [windows, nTextHead, headSize, nAudioCtx] and [windows,
 * nTextHead, nAudioCtx, headSize].
 */
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
  /** The decoder that gives attention too, loaded when first asked for. */
  aligner(): Promise<ort.InferenceSession>;
  readonly dimensions: ModelDimensions;
}

/** Whether a decoder's graph chooses tokens itself. */
export function isScreened(decoder: ort.InferenceSession): boolean {
  return decoder.outputNames.includes('next_token');
}

/** Texts over the windows of one audio, and their cache. */
export class EngineRun {
  readonly #parts: DecoderParts;
  readonly #crossKv: CrossKv;
  readonly #cache: RowCache;
  readonly #giveBack: () => void;
  readonly #texts: TextTree;
  readonly #token = new Int32Array(1);
  readonly #logprob = new Float32Array(1);
  readonly #margin = new Float32Array(1);
  readonly #choice: Readonly<Record<string, ort.Tensor>>;
  readonly #noMask: ort.Tensor;

  /** @param giveBack takes the cache's memory back once the texts are done */
  constructor(parts: DecoderParts, windows: number, crossKv: CrossKv, cache: RowCache, giveBack: () => void) {
    this.#parts = parts;
    this.#crossKv = crossKv;
    this.#cache = cache;
    this.#giveBack = giveBack;
    this.#texts = new TextTree(windows, parts.dimensions);
    this.#choice = isScreened(parts.decoder)
      ? {
          next_token: new ort.Tensor('int32', this.#token, [1]),
          logprob: new ort.Tensor('float32', this.#logprob, [1]),
          margin: new ort.Tensor('float32', this.#margin, [1]),
        }
      : {};
    const { nVocab } = parts.dimensions;
    this.#noMask = new ort.Tensor('float32', new Float32Array(nVocab), [nVocab]);
  }

  async forward(step: Step): Promise<StepResult> {
    const { nTextState } = this.#parts.dimensions;
    const plan = this.#texts.plan(step);
    const { hidden, attention } = step.attention ? await this.#align(plan) : await this.#step(plan, this.#noMask);
    const { logitsFrom = plan.width - 1 } = step;
    const wanted = plan.width - logitsFrom;
    const rows = new Float32Array(step.tokens.length * wanted * nTextState);
    for (let text = 0; text < step.tokens.length; text++) {
      const end = (text + 1) * plan.width * nTextState;
      rows.set(hidden.subarray(end - wanted * nTextState, end), text * wanted * nTextState);
    }
    const logits = await this.#parts.head.logits(rows);
    return attention === undefined ? { logits } : { logits, attention };
  }

  /** @param isAborted asked before every token; when true, decoding ends where it is */
  async greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult> {
    const tokens: number[] = [];
    const logprobs: number[] = [];
    const batches: StepBatch[] = [];
    let input: readonly number[] = request.prompt;
    let suppress = request.beginSuppress;
    while (tokens.length < request.maxTokens && !isAborted()) {
      const started = performance.now();
      const mask = new ort.Tensor('float32', suppress, [suppress.length]);
      const { hidden } = await this.#step(this.#texts.plan({ tokens: [input] }), mask);
      const last = hidden.subarray(hidden.length - this.#parts.dimensions.nTextState);
      const { token, logprob } = this.#screenedChoice() ?? (await this.#parts.head.choose(last, suppress));
      tokens.push(token);
      logprobs.push(logprob);
      batches.push({ steps: 1, elapsedMs: performance.now() - started });
      if (token === request.stopToken) break;
      input = [token];
      suppress = request.suppress;
    }
    return { tokens, logprobs, ...(request.timed ? { batches } : {}) };
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

  async #step(plan: RowPlan, mask: ort.Tensor): Promise<{ hidden: Float32Array; attention?: Float32Array }> {
    const { decoder } = this.#parts;
    const hidden = this.#hidden(plan);
    const fetches = { ...this.#newRows(plan), ...this.#choice, hidden };
    const feeds = this.#feeds(plan);
    await decoder.run(isScreened(decoder) ? { ...feeds, suppress: mask } : feeds, fetches);
    this.#texts.commit(plan);
    return { hidden: hidden.data as Float32Array };
  }

  async #align(plan: RowPlan): Promise<{ hidden: Float32Array; attention: Float32Array }> {
    const aligner = await this.#parts.aligner();
    const hidden = this.#hidden(plan);
    const fetches: Record<string, ort.Tensor | null> = { ...this.#newRows(plan), hidden, attention: null };
    const { attention } = await aligner.run(this.#feeds(plan), fetches);
    this.#texts.commit(plan);
    return { hidden: hidden.data as Float32Array, attention: attention?.data as Float32Array };
  }

  #feeds(plan: RowPlan): Record<string, ort.Tensor> {
    const past = this.#texts.rowCount;
    const n = plan.tokens.length;
    return {
      ...this.#crossKv,
      tokens: new ort.Tensor('int32', plan.tokens, [n]),
      positions: new ort.Tensor('int32', plan.positions, [n]),
      bias: new ort.Tensor('float32', visibilityBias(plan, past), [n, past + n]),
      self_kv: this.#cache.rows(0, past),
    };
  }

  /** Where a step writes its rows: straight behind those before. May move the cache, so it comes before the feeds. */
  #newRows(plan: RowPlan): Record<string, ort.Tensor> {
    const past = this.#texts.rowCount;
    return { new_kv: this.#cache.rows(past, past + plan.tokens.length) };
  }

  #hidden({ tokens }: RowPlan): ort.Tensor {
    const { nTextState } = this.#parts.dimensions;
    return new ort.Tensor('float32', new Float32Array(tokens.length * nTextState), [tokens.length, nTextState]);
  }
}
