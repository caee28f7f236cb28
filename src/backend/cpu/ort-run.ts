import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { GreedyRequest, GreedyResult, Step, StepResult } from '../backend.ts';
import { type Allowed, type Choice, chooseToken, decodeGreedily } from '../greedy.ts';
import { firstAsked, type RowPlan, rowsAsked, TextTree, visibilityBias } from '../text-tree.ts';
import type { EngineRun } from './engine.ts';
import type { RowCache } from './row-cache.ts';
import type { VocabularyHead } from './vocabulary-head.ts';

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

/** What a decoder that chooses tokens itself gives of the rows asked for. */
interface Chosen {
  /** Of the last row. */
  readonly token: number;
  readonly logprob: number;
  readonly margins: Float32Array;
  /** f32 [rows, nVocab] */
  readonly logits: Float32Array;
}

/** Texts over the windows of one audio, and their cache. */
export class OrtRun implements EngineRun {
  readonly #parts: DecoderParts;
  readonly #crossKv: CrossKv;
  readonly #cache: RowCache;
  readonly #giveBack: () => void;
  readonly #texts: TextTree;
  readonly #noMask: Float32Array;
  /** Where logits go that nobody reads, f32 [1, nVocab]. */
  readonly #unread: Float32Array;

  /** @param giveBack takes the cache's memory back once the texts are done */
  constructor(parts: DecoderParts, windows: number, crossKv: CrossKv, cache: RowCache, giveBack: () => void) {
    this.#parts = parts;
    this.#crossKv = crossKv;
    this.#cache = cache;
    this.#giveBack = giveBack;
    this.#texts = new TextTree(windows, parts.dimensions);
    this.#noMask = new Float32Array(parts.dimensions.nVocab);
    this.#unread = new Float32Array(parts.dimensions.nVocab);
  }

  async forward(step: Step): Promise<StepResult> {
    const plan = this.#texts.plan(step);
    const rows = rowsAsked(plan, firstAsked(plan, step));
    if (step.attention) {
      const { hidden, attention } = await this.#align(plan);
      return { logits: await this.#parts.head.logits(this.#pick(hidden, rows)), attention };
    }
    const { onlyHighest = false } = step;
    const { hidden, chosen } = await this.#step(plan, this.#noMask, onlyHighest ? rows : rows.slice(-1), onlyHighest);
    const isSure = chosen?.margins.every((margin) => margin >= safeMargin);
    if (onlyHighest && chosen !== undefined && isSure) return { logits: chosen.logits };
    return { logits: await this.#parts.head.logits(this.#pick(hidden, rows)) };
  }

  greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult> {
    return decodeGreedily(request, (tokens, allowed) => this.#next(tokens, allowed), isAborted);
  }

  close(): void {
    this.#giveBack();
  }

  async #next(tokens: readonly number[], allowed: Allowed): Promise<Choice> {
    const last = [tokens.length - 1];
    const isPlaced = allowed.timestampBegin !== undefined;
    const { hidden, chosen } = await this.#step(this.#texts.plan({ tokens: [tokens] }), allowed.mask, last, isPlaced);
    if (chosen === undefined || !((chosen.margins[0] ?? 0) >= safeMargin))
      return this.#parts.head.choose(this.#pick(hidden, last), allowed);
    return isPlaced ? chooseToken(chosen.logits, allowed) : chosen;
  }

  /**
   * @param rows of the new ones, whose logits are wanted where the decoder's graph gives them
   * @param isKept whether anybody reads these logits; if not, there is one row of them
   */
  async #step(
    plan: RowPlan,
    suppress: Float32Array,
    rows: readonly number[],
    isKept: boolean,
  ): Promise<{ hidden: Float32Array; chosen: Chosen | undefined }> {
    const { decoder } = this.#parts;
    const hidden = this.#hidden(plan);
    const fetches = { ...this.#newRows(plan), hidden };
    const feeds = this.#feeds(plan);
    const choice = isScreened(decoder) ? this.#choice(suppress, rows, isKept) : undefined;
    await decoder.run({ ...feeds, ...choice?.feeds }, { ...fetches, ...choice?.fetches });
    this.#texts.commit(plan);
    return { hidden: hidden.data as Float32Array, chosen: choice?.read() };
  }

  /** What a graph that chooses wants beside the rest, and where it writes what it chose. */
  #choice(suppress: Float32Array, rows: readonly number[], isKept: boolean) {
    const { nVocab } = this.#parts.dimensions;
    const k = rows.length;
    const [token, logprob] = [new Int32Array(1), new Float32Array(1)];
    const margins = new Float32Array(k);
    const logits = isKept ? new Float32Array(k * nVocab) : this.#unread;
    return {
      feeds: {
        suppress: new ort.Tensor('float32', suppress, [nVocab]),
        chosen: new ort.Tensor('int32', Int32Array.from(rows), [k]),
      },
      fetches: {
        next_token: new ort.Tensor('int32', token, [1]),
        logprob: new ort.Tensor('float32', logprob, [1]),
        margin: new ort.Tensor('float32', margins, [k]),
        logits: new ort.Tensor('float32', logits, [k, nVocab]),
      },
      read: (): Chosen => ({ token: token[0] as number, logprob: logprob[0] as number, margins, logits }),
    };
  }

  async #align(plan: RowPlan): Promise<{ hidden: Float32Array; attention: Float32Array }> {
    const aligner = await this.#parts.aligner();
    const hidden = this.#hidden(plan);
    const fetches: Record<string, ort.Tensor | null> = { ...this.#newRows(plan), hidden, attention: null };
    const { attention } = await aligner.run(this.#feeds(plan), fetches);
    this.#texts.commit(plan);
    return { hidden: hidden.data as Float32Array, attention: attention?.data as Float32Array };
  }

  /** Rows of states, f32 [rows, nTextState]. */
  #pick(hidden: Float32Array, rows: readonly number[]): Float32Array {
    const { nTextState } = this.#parts.dimensions;
    const picked = new Float32Array(rows.length * nTextState);
    for (const [i, row] of rows.entries())
      picked.set(hidden.subarray(row * nTextState, (row + 1) * nTextState), i * nTextState);
    return picked;
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
