import type { Candidate } from '../../logits/candidates.ts';
import { rowsOf } from '../../logits/rows.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { CandidatesRequest, GreedyRequest, GreedyResult, SequenceStep, Step, StepResult } from '../backend.ts';
import { candidatesBehind, checkCandidates } from '../candidates.ts';
import {
  type AllowedTokens,
  type Choice,
  chooseToken,
  decodeGreedily,
  logprobsOfTokens,
  type SequenceTokens,
} from '../greedy.ts';
import { firstLogitRow, logitRows, SequenceTable, type StepPlan } from '../sequence-table.ts';
import type { CpuAddon, NativeAudio, NativeCache, NativeModel } from './cpu-addon.ts';
import type { EngineRun } from './engine.ts';
import type { StepBatcher, StepReader } from './step-batcher.ts';

export interface NativeRunResources {
  readonly addon: CpuAddon;
  readonly model: NativeModel;
  readonly audio: NativeAudio;
  readonly cache: NativeCache;
  readonly dimensions: ModelDimensions;
  readonly batchStep: StepBatcher;
}

/** Passed as `timestampBegin` where timestamps are tokens like others. */
const noToken = -1;

/** Sequences over some windows of encoded audio, and their cache. */
export class NativeRun implements EngineRun {
  readonly #resources: NativeRunResources;
  readonly #firstWindow: number;
  readonly #sequences: SequenceTable;
  readonly #release: () => void;
  #isClosed = false;

  /** @param release returns the cache to its pool once the sequences have ended */
  constructor(resources: NativeRunResources, windows: { first: number; count: number }, release: () => void) {
    this.#resources = resources;
    this.#firstWindow = windows.first;
    this.#sequences = new SequenceTable(windows.count, resources.dimensions);
    this.#release = release;
  }

  async forward(step: Step): Promise<StepResult> {
    const { addon, model } = this.#resources;
    const plan = this.#sequences.plan(step);
    const rows = logitRows(plan, firstLogitRow(plan, step));
    return this.#step(plan, step.attention ?? false, (firstRow, attention) => {
      const logits = addon.logits(
        model,
        Int32Array.from(rows, (row) => firstRow + row),
      );
      return attention === undefined ? { logits } : { logits, attention };
    });
  }

  async candidates(step: SequenceStep, request: CandidatesRequest): Promise<Candidate[][]> {
    const { nVocab } = this.#resources.dimensions;
    checkCandidates(request, { sequences: step.tokens.length, nVocab });
    const { logits } = await this.forward(step);
    const [rows = []] = rowsOf(logits, nVocab, 1);
    return rows.map((row, sequence) => candidatesBehind(row, sequence, request));
  }

  async nextLogprobs(tokens: SequenceTokens, wantedTokens: readonly number[]): Promise<Float32Array> {
    const { logits } = await this.forward({ tokens });
    this.#sequences.truncate(this.#sequences.lengths.map((length) => length - 1));
    const [rows = []] = rowsOf(logits, this.#resources.dimensions.nVocab, 1);
    return logprobsOfTokens(rows, wantedTokens);
  }

  greedy(request: GreedyRequest, isAborted: () => boolean): Promise<GreedyResult> {
    const sequences = this.#sequences;
    const growing = {
      get lengths() {
        return sequences.lengths;
      },
      append: (tokens: SequenceTokens) => this.#step(sequences.plan({ tokens }), false, () => undefined),
      choose: (tokens: SequenceTokens, allowed: readonly AllowedTokens[]) => this.#choose(tokens, allowed),
      truncate: (lengths: readonly number[]) => sequences.truncate(lengths),
    };
    return decodeGreedily(request, growing, isAborted);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#release();
  }

  /** A single sequence uses the int8 prefilter of the vocabulary; several sequences read the float32 matrix once for all. */
  #choose(tokens: SequenceTokens, allowed: readonly AllowedTokens[]): Promise<readonly Choice[]> {
    const { addon, model, dimensions } = this.#resources;
    const plan = this.#sequences.plan({ tokens });
    const [only, ...others] = allowed;
    return this.#step(plan, false, (firstRow) => {
      if (only !== undefined && others.length === 0)
        return [addon.choose(model, firstRow + plan.tokensPerSequence - 1, only.mask, only.timestampBegin ?? noToken)];
      const wantedRows = Int32Array.from(logitRows(plan, plan.tokensPerSequence - 1), (row) => firstRow + row);
      const [rows = []] = rowsOf(addon.logits(model, wantedRows), dimensions.nVocab, 1);
      return rows.map((logits, sequence) => chooseToken(logits, allowed[sequence] as AllowedTokens));
    });
  }

  /** Computes a step in one batch with those of other runs. */
  #step<T>(plan: StepPlan, attention: boolean, read: StepReader<T>): Promise<T> {
    const { audio, cache, batchStep } = this.#resources;
    const { tokens, positions, tokensPerSequence, pastEntries, sequences } = plan;
    const makeRequest = () => {
      if (this.#isClosed) throw new Error('the sequences have been ended');
      let end = 0;
      return {
        audio,
        cache,
        attention,
        tokens,
        positions,
        width: tokensPerSequence,
        firstRow: this.#sequences.entryCount,
        windows: Int32Array.from(sequences, ({ window }) => this.#firstWindow + window),
        pastRows: Int32Array.from(pastEntries.flat()),
        pastEnds: Int32Array.from(pastEntries, ({ length }) => {
          end += length;
          return end;
        }),
      };
    };
    return batchStep(makeRequest, (firstRow, scores) => {
      this.#sequences.commit(plan);
      return read(firstRow, scores);
    });
  }
}
