import type { Candidate } from '../../logits/candidates.ts';
import { rowsOf } from '../../logits/rows.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { CandidatesRequest, GreedyRequest, GreedyResult, Step, StepResult, TextStep } from '../backend.ts';
import { candidatesBehind, checkCandidates } from '../candidates.ts';
import { type Allowed, type Choice, chooseToken, decodeGreedily, logprobsOf, type TokensOfTexts } from '../greedy.ts';
import { firstAsked, type RowPlan, rowsAsked, SequenceTable } from '../sequence-table.ts';
import type { CpuAddon, NativeAudio, NativeCache, NativeModel } from './cpu-addon.ts';
import type { EngineRun } from './engine.ts';

export interface NativeRunParts {
  readonly addon: CpuAddon;
  readonly model: NativeModel;
  readonly audio: NativeAudio;
  readonly cache: NativeCache;
  readonly dimensions: ModelDimensions;
}

/** Where no token is a timestamp. */
const noToken = -1;

/** Texts over some windows of encoded audio, and their cache. */
export class NativeRun implements EngineRun {
  readonly #parts: NativeRunParts;
  readonly #firstWindow: number;
  readonly #texts: SequenceTable;
  readonly #giveBack: () => void;

  /** @param giveBack takes the cache's memory back once the texts are done */
  constructor(parts: NativeRunParts, windows: { first: number; count: number }, giveBack: () => void) {
    this.#parts = parts;
    this.#firstWindow = windows.first;
    this.#texts = new SequenceTable(windows.count, parts.dimensions);
    this.#giveBack = giveBack;
  }

  async forward(step: Step): Promise<StepResult> {
    const { addon, model } = this.#parts;
    const plan = this.#texts.plan(step);
    const rows = rowsAsked(plan, firstAsked(plan, step));
    const attention = this.#step(plan, step.attention ?? false);
    const logits = addon.logits(model, Int32Array.from(rows));
    return attention === undefined ? { logits } : { logits, attention };
  }

  async candidates(step: TextStep, request: CandidatesRequest): Promise<Candidate[][]> {
    const { nVocab } = this.#parts.dimensions;
    checkCandidates(request, { texts: step.tokens.length, nVocab });
    const { logits } = await this.forward(step);
    const [rows = []] = rowsOf(logits, nVocab, 1);
    return rows.map((row, text) => candidatesBehind(row, text, request));
  }

  async ask(tokens: TokensOfTexts, of: readonly number[]): Promise<Float32Array> {
    const { logits } = await this.forward({ tokens });
    this.#texts.cut(this.#texts.lengths.map((length) => length - 1));
    const [rows = []] = rowsOf(logits, this.#parts.dimensions.nVocab, 1);
    return logprobsOf(rows, of);
  }

  greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult> {
    const texts = this.#texts;
    const growing = {
      get lengths() {
        return texts.lengths;
      },
      append: (tokens: TokensOfTexts) => {
        this.#step(texts.plan({ tokens }), false);
      },
      choose: (tokens: TokensOfTexts, allowed: readonly Allowed[]) => this.#choose(tokens, allowed),
      cut: (lengths: readonly number[]) => texts.cut(lengths),
    };
    return decodeGreedily(request, growing, isAborted);
  }

  close(): void {
    this.#giveBack();
  }

  /** The vocabulary is screened for a single text; several read it once for all of them. */
  #choose(tokens: TokensOfTexts, allowed: readonly Allowed[]): Choice[] {
    const { addon, model, dimensions } = this.#parts;
    const plan = this.#texts.plan({ tokens });
    this.#step(plan, false);
    const [only, ...others] = allowed;
    if (only !== undefined && others.length === 0)
      return [addon.choose(model, plan.width - 1, only.mask, only.timestampBegin ?? noToken)];
    const [rows = []] = rowsOf(
      addon.logits(model, Int32Array.from(rowsAsked(plan, plan.width - 1))),
      dimensions.nVocab,
      1,
    );
    return rows.map((logits, text) => chooseToken(logits, allowed[text] as Allowed));
  }

  #step(plan: RowPlan, attention: boolean): Float32Array | undefined {
    const { addon, model, audio, cache } = this.#parts;
    const { tokens, positions, width, pastRows, texts } = plan;
    let end = 0;
    const step = {
      tokens,
      positions,
      width,
      firstRow: this.#texts.rowCount,
      windows: Int32Array.from(texts, ({ window }) => this.#firstWindow + window),
      pastRows: Int32Array.from(pastRows.flat()),
      pastEnds: Int32Array.from(pastRows, ({ length }) => {
        end += length;
        return end;
      }),
    };
    const scores = addon.step(model, audio, cache, step, attention);
    this.#texts.commit(plan);
    return scores;
  }
}
