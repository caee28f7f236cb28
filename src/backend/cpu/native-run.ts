import type { Candidate } from '../../logits/candidates.ts';
import { rowsOf } from '../../logits/rows.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { CandidatesRequest, GreedyRequest, GreedyResult, Step, StepResult, TextStep } from '../backend.ts';
import { candidatesBehind, checkCandidates } from '../candidates.ts';
import { type Allowed, type Choice, chooseToken, decodeGreedily, logprobsOf, type TokensOfTexts } from '../greedy.ts';
import { firstLogitRow, logitRows, type RowPlan, SequenceTable } from '../sequence-table.ts';
import type { CpuAddon, NativeAudio, NativeCache, NativeModel } from './cpu-addon.ts';
import type { EngineRun } from './engine.ts';
import type { ShareStep, StepReader } from './shared-steps.ts';

export interface NativeRunParts {
  readonly addon: CpuAddon;
  readonly model: NativeModel;
  readonly audio: NativeAudio;
  readonly cache: NativeCache;
  readonly dimensions: ModelDimensions;
  readonly shareStep: ShareStep;
}

/** Where no token is a timestamp. */
const noToken = -1;

/** Texts over some windows of encoded audio, and their cache. */
export class NativeRun implements EngineRun {
  readonly #parts: NativeRunParts;
  readonly #firstWindow: number;
  readonly #texts: SequenceTable;
  readonly #giveBack: () => void;
  #isClosed = false;

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
    const rows = logitRows(plan, firstLogitRow(plan, step));
    return this.#step(plan, step.attention ?? false, (firstRow, attention) => {
      const logits = addon.logits(
        model,
        Int32Array.from(rows, (row) => firstRow + row),
      );
      return attention === undefined ? { logits } : { logits, attention };
    });
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
      append: (tokens: TokensOfTexts) => this.#step(texts.plan({ tokens }), false, () => undefined),
      choose: (tokens: TokensOfTexts, allowed: readonly Allowed[]) => this.#choose(tokens, allowed),
      cut: (lengths: readonly number[]) => texts.cut(lengths),
    };
    return decodeGreedily(request, growing, isAborted);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#giveBack();
  }

  /** The vocabulary is screened for a single text over a window; several read it once for all of them. */
  #choose(tokens: TokensOfTexts, allowed: readonly Allowed[]): Promise<readonly Choice[]> {
    const { addon, model, dimensions } = this.#parts;
    const plan = this.#texts.plan({ tokens });
    const [only, ...others] = allowed;
    return this.#step(plan, false, (firstRow) => {
      if (only !== undefined && others.length === 0)
        return [addon.choose(model, firstRow + plan.width - 1, only.mask, only.timestampBegin ?? noToken)];
      const asked = Int32Array.from(logitRows(plan, plan.width - 1), (row) => firstRow + row);
      const [rows = []] = rowsOf(addon.logits(model, asked), dimensions.nVocab, 1);
      return rows.map((logits, text) => chooseToken(logits, allowed[text] as Allowed));
    });
  }

  /** Does a step together with those of other runs. */
  #step<T>(plan: RowPlan, attention: boolean, read: StepReader<T>): Promise<T> {
    const { audio, cache, shareStep } = this.#parts;
    const { tokens, positions, width, pastRows, texts } = plan;
    const begin = () => {
      if (this.#isClosed) throw new Error('the texts have been ended');
      let end = 0;
      return {
        audio,
        cache,
        attention,
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
    };
    return shareStep(begin, (firstRow, scores) => {
      this.#texts.commit(plan);
      return read(firstRow, scores);
    });
  }
}
