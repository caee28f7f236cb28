import { NpuError } from '../../errors.ts';
import type { Candidate } from '../../logits/candidates.ts';
import { rowsOf } from '../../logits/rows.ts';
import type { TimestampRules } from '../../logits/timestamp-rules.ts';
import type {
  CandidatesRequest,
  GreedyRequest,
  GreedyResult,
  GreedyText,
  Step,
  StepResult,
  TextStep,
} from '../backend.ts';
import { checkCandidates } from '../candidates.ts';
import {
  type Allowed,
  appendRaggedPrefixes,
  chooseToken,
  decodeGreedily,
  type GrowingTexts,
  lengthsAfter,
  logprobsOf,
  type TokensOfTexts,
} from '../greedy.ts';
import { firstLogitRow, type RowPlan, SequenceTable } from '../sequence-table.ts';
import type { Command } from './addon.ts';
import { CandidatesOutput } from './candidates-output.ts';
import { DecoderQueue } from './decoder-queue.ts';
import { askDevice, decodeOnDevice, type GreedyBeginning } from './device-greedy.ts';
import { chooseExecutionPlan, chunks, compacted, type ExecutionPlan } from './execution-plan.ts';
import type { GreedyFile, GreedyModel } from './greedy-models.ts';
import { gathering, type KvCache } from './kv-cache.ts';
import { forMask } from './masks.ts';
import { rowsPerWindow, type StepInput } from './row-inputs.ts';
import { executeRows } from './rows-execution.ts';
import { noAligner } from './rows-models.ts';
import type { RunParts, RunPlace } from './run-parts.ts';
import { LogitsOutput, type StepOutput, type Wanted } from './step-output.ts';

/** Up to so many last tokens of a prompt go into the graph for greedy decoding itself, which saves waiting for a step of their own. */
const maxTailTokens = 3;

/**
 * Texts over the windows of one audio. Their rows lie in one log per window, into which every step writes its new ones;
 * what a step computes is chosen by its shape (execution-plan.ts). In greedy decoding tokens never visit the host on their way
 * from one step to the next (device-greedy.ts).
 */
export class NpuRun {
  readonly #parts: RunParts;
  readonly #place: RunPlace;
  readonly #texts: SequenceTable;
  /** Where in its window's log each row lies. */
  readonly #rowAt: number[] = [];
  /** Rows in each log. */
  #kvLength = 0;
  /** Set where rows were lost half way to another place. */
  #corruptedBy: unknown;

  constructor(parts: RunParts, place: RunPlace) {
    this.#parts = parts;
    this.#place = place;
    this.#texts = new SequenceTable(place.windows, parts.dimensions);
  }

  async forward(step: Step): Promise<StepResult> {
    const plan = this.#texts.plan(step);
    const { attention = false } = step;
    const output = this.#output(plan, { logitsFrom: firstLogitRow(plan, step), attention });
    await this.#append(plan, output);
    return output.result();
  }

  async candidates(step: TextStep, request: CandidatesRequest): Promise<Candidate[][]> {
    const { dimensions, masks } = this.#parts;
    checkCandidates(request, { texts: step.tokens.length, nVocab: dimensions.nVocab });
    const plan = this.#texts.plan(step);
    using mask = await masks.take(forMask(request.suppress, request.timestamps?.rules));
    const output = new CandidatesOutput(dimensions, plan.width, request, mask.slice);
    await this.#append(plan, output);
    return output.result();
  }

  async ask(tokens: TokensOfTexts, of: readonly number[]): Promise<Float32Array> {
    const file = this.#greedyFile();
    if (file === undefined) {
      const { logits } = await this.forward({ tokens });
      this.#texts.cut(this.#texts.lengths.map((length) => length - 1));
      const [rows = []] = rowsOf(logits, this.#parts.dimensions.nVocab, 1);
      return logprobsOf(rows, of);
    }
    const model = await this.#parts.greedy.load(file);
    const beginning = await this.#beginning(model, tokens, 1);
    using mask = await this.#parts.masks.take(new Float32Array(this.#parts.dimensions.nVocab));
    const logprobs = await askDevice(this.#parts, this.#place, model, beginning, mask.slice, of);
    const kept = beginning.tails.map((tail) => tail.slice(0, -1));
    if ((kept[0]?.length ?? 0) > 0) this.#commit(this.#texts.plan({ tokens: kept }), beginning.row);
    return logprobs;
  }

  /** @param throwIfAborted asked before every batch of steps */
  async greedy(request: GreedyRequest, throwIfAborted: () => void): Promise<GreedyResult> {
    const { prompts, timestamps } = request;
    const isEven = prompts.every(({ length }) => length === prompts[0]?.length);
    if (isEven) this.#texts.plan({ tokens: prompts }); // refuses what cannot be appended
    const file = this.#greedyFile(timestamps?.rules);
    if (file === undefined) return this.#greedyOnHost(request, throwIfAborted);
    return this.#greedyOnDevice(await this.#parts.greedy.load(file), request, throwIfAborted);
  }

  /** Where no graph for it has been converted, or one for other rules. */
  #greedyOnHost(request: GreedyRequest, throwIfAborted: () => void): Promise<GreedyResult> {
    const choose = async (tokens: TokensOfTexts, allowed: readonly Allowed[]) => {
      const { logits } = await this.forward({ tokens });
      const [rows = []] = rowsOf(logits, this.#parts.dimensions.nVocab, 1);
      return rows.map((row, text) => chooseToken(row, allowed[text] as Allowed));
    };
    return decodeGreedily(request, { ...this.#greedyCallbacks(), choose }, () => {
      throwIfAborted();
      return false;
    });
  }

  #greedyCallbacks(): Omit<GrowingTexts, 'choose'> {
    return {
      lengths: this.#texts.lengths,
      append: async (tokens) => {
        const plan = this.#texts.plan({ tokens });
        await this.#append(plan, this.#output(plan, { logitsFrom: plan.width, attention: false }));
      },
      cut: (lengths) => this.#texts.cut(lengths),
    };
  }

  #greedyFile(rules?: TimestampRules): GreedyFile | undefined {
    const { audio, firstWindow, windows } = this.#place;
    // Texts that share a window have more than one row a step.
    if (this.#texts.lengths.length !== windows) return undefined;
    return this.#parts.greedy.files.find(({ windows: most, kinds }) => {
      if (windows > most || firstWindow + most > audio.windows) return false;
      const { eot, timestampBegin } = rules ?? kinds;
      return eot === kinds.eot && timestampBegin === kinds.timestampBegin;
    });
  }

  async #greedyOnDevice(model: GreedyModel, request: GreedyRequest, check: () => void): Promise<GreedyResult> {
    const { prompts, timestamps, maxTokens, timed } = request;
    const before = this.#texts.lengths;
    const ends = await appendRaggedPrefixes(prompts, this.#greedyCallbacks());
    const beginning = await this.#beginning(model, ends, maxTokens);
    const [first, others] = [request.beginSuppress, request.suppress].map((mask) => forMask(mask, timestamps?.rules));
    using firstMask = await this.#parts.masks.take(first as Float32Array);
    using otherMask = await this.#parts.masks.take(others as Float32Array);
    const masks = { first: firstMask.slice, others: otherMask.slice };
    const { texts, batches } = await decodeOnDevice(
      this.#parts,
      this.#place,
      model,
      beginning,
      { ...request, masks },
      check,
    );
    this.#commit(this.#texts.plan({ tokens: beginning.tails }), beginning.row);
    const longest = Math.max(...texts.map(({ tokens }) => tokens.length));
    if (longest > 1)
      this.#commit(this.#texts.plan({ tokens: texts.map((text) => appended(text, longest - 1)) }), this.#kvLength);
    this.#texts.cut(lengthsAfter(before, prompts, texts));
    return { texts, ...(timed ? { batches } : {}) };
  }

  /** Appends all of the prompts but what a graph for greedy decoding takes itself, and makes room for tokens behind them. */
  async #beginning(model: GreedyModel, prompts: TokensOfTexts, maxTokens: number): Promise<GreedyBeginning> {
    const { width } = this.#texts.plan({ tokens: prompts });
    const tailLength = width <= maxTailTokens ? width : 1;
    if (tailLength < width) await this.#greedyCallbacks().append(prompts.map((prompt) => prompt.slice(0, -tailLength)));
    const tails = prompts.map((prompt) => prompt.slice(-tailLength));
    const plan = this.#texts.plan({ tokens: tails });
    const most = Math.min(maxTokens, this.#parts.dimensions.nTextCtx - Math.max(...plan.positions));
    const isFull = this.#stepInput(plan).end + tailLength + most - 1 > model.shape.capacity;
    const { past, end } = isFull ? await this.#compact(plan) : this.#stepInput(plan);
    const positions = tails.map((_, text) => plan.positions[text * tailLength] as number);
    return { tails, positions, past, row: end };
  }

  #output({ texts, width }: RowPlan, wanted: Wanted): LogitsOutput {
    return new LogitsOutput(this.#parts.dimensions, texts.length, width, wanted);
  }

  #widths(): number[] {
    return [...this.#place.memory.decoders.keys()];
  }

  async #append(plan: RowPlan, output: StepOutput): Promise<void> {
    if (output.wanted.attention && !this.#parts.rows.files.some(({ outputsAttention }) => outputsAttention))
      throw noAligner();
    if (this.#kvLength === 0) await this.#layOut();
    let stepInput = this.#stepInput(plan);
    if (this.#isScattered(stepInput) || this.#executionPlan(stepInput, output) === undefined) {
      const dense = compacted(stepInput).stepInput;
      if (this.#executionPlan(dense, output) !== undefined) stepInput = await this.#compact(plan);
    }
    const execution = this.#executionPlan(stepInput, output);
    const { cache } = this.#place.memory;
    if (execution === undefined) await this.#oneByOne(stepInput, output);
    else await this.#execute(execution, this.#place, cache, stepInput, output);
    this.#commit(plan, stepInput.end);
  }

  /** Makes the regions as the graphs for several windows want them, if there are any, before anything lies in them. */
  async #layOut(): Promise<void> {
    const { audio, windows, memory } = this.#place;
    const { dimensions, rows } = this.#parts;
    if (windows === 1) return memory.cache.layOut(1, memory.cache.rowCount, 0);
    const capacities = rows.files.filter((file) => file.windows > 1).map(({ capacity }) => capacity);
    const stride = capacities.length > 0 ? Math.min(...capacities) : dimensions.nTextCtx;
    await memory.cache.layOut(audio.windows, stride, 0);
  }

  #stepInput({ tokens, positions, width, pastRows }: RowPlan): StepInput {
    if (this.#corruptedBy !== undefined) {
      const options = { cause: this.#corruptedBy, hint: 'Begin the text again.' };
      throw new NpuError('NPU_TEXT_LOST', `an earlier failure has destroyed this text: ${this.#corruptedBy}`, options);
    }
    const past = pastRows.map((rows) => rows.map((row) => this.#rowAt[row] ?? row));
    return { tokens, positions, windows: this.#place.windows, width, past, end: this.#kvLength, firstToken: 0 };
  }

  /** Whether the rows of texts that are alone over their windows would stand together but for those of others. */
  #isScattered({ past, windows, end }: StepInput): boolean {
    return past.length === windows && end > (past[0]?.length ?? 0);
  }

  #executionPlan(stepInput: StepInput, { wanted }: StepOutput): ExecutionPlan | undefined {
    const { audio, firstWindow } = this.#place;
    const { dimensions, rows } = this.#parts;
    const roomForWindows = audio.windows - firstWindow;
    return chooseExecutionPlan(
      stepInput,
      { dimensions, files: rows.files, widths: this.#widths(), roomForWindows },
      wanted,
    );
  }

  /** Moves the rows that texts still have together, to the beginning of each log. */
  async #compact(plan: RowPlan): Promise<StepInput> {
    const { cache } = this.#place.memory;
    const { stepInput, moves } = compacted(this.#stepInput(plan));
    const commands = moves.map(({ window, from, to, count }): Command => {
      return { kind: 'copy', from: cache.rows(window, from, count), to: cache.rows(window, to, count) };
    });
    try {
      if (commands.length > 0) await this.#parts.device.submit(commands);
    } catch (error) {
      this.#corruptedBy = error;
      throw error;
    }
    for (const [text, rows] of plan.pastRows.entries())
      for (const [i, row] of rows.entries()) this.#rowAt[row] = stepInput.past[text]?.[i] ?? row;
    this.#kvLength = stepInput.end;
    return stepInput;
  }

  async #execute(
    execution: ExecutionPlan,
    place: RunPlace,
    cache: KvCache,
    stepInput: StepInput,
    output: StepOutput,
  ): Promise<void> {
    if (execution.kind === 'decoders') return this.#executeDecoders(place, cache, stepInput, output);
    const model = await this.#parts.rows.load(execution.file);
    await executeRows(this.#parts, place, { model, cache, stepInput }, output);
  }

  /** Each text alone, which is the beginning of its window's log. */
  async #executeDecoders(place: RunPlace, cache: KvCache, stepInput: StepInput, output: StepOutput): Promise<void> {
    const { tokens, width, windows, end, firstToken } = stepInput;
    const { logits } = place.memory.slices;
    await cache.layOut(windows, cache.stride, end);
    using queue = new DecoderQueue(this.#parts, place);
    for (let window = 0; window < windows; window++) {
      for (const { from, count } of chunks(width, this.#widths(), output.wanted.logitsFrom)) {
        const token = window * width + from;
        const step = {
          cache,
          region: window,
          window,
          position: end + from,
          tokens: tokens.slice(token, token + count),
        };
        await queue.push(step);
        const last = firstToken + token + count - 1;
        if (output.wantsRow(last))
          queue.download(logits, (bytes) => output.putLogits(last, new Float32Array(bytes.buffer, bytes.byteOffset)));
      }
    }
    await queue.submit();
  }

  /**
   * What no graph can do at once, because too many rows lie in the log or no rows graph has been converted: takes one
   * text after another out of the log, goes on with it alone, and puts its new rows back.
   */
  async #oneByOne(stepInput: StepInput, output: StepOutput): Promise<void> {
    const { audio, firstWindow, memory } = this.#place;
    const { cache } = memory;
    const perWindow = rowsPerWindow(stepInput);
    const { past, width, windows, end } = stepInput;
    const needed = end + perWindow;
    await cache.layOut(windows, needed > cache.stride ? Math.max(needed, 2 * cache.stride) : cache.stride, end);
    const single = await memory.single();
    for (const [text, rows] of past.entries()) {
      const window = Math.floor((text * width) / perWindow);
      const firstToken = text * width;
      const alone: StepInput = {
        tokens: stepInput.tokens.subarray(firstToken, firstToken + width),
        positions: stepInput.positions.subarray(firstToken, firstToken + width),
        windows: 1,
        width,
        past: [rows.map((_, i) => i)],
        end: rows.length,
        firstToken,
      };
      const execution = this.#executionPlan(alone, output);
      if (execution === undefined) throw new Error('a text alone fits every graph');
      if (rows.length > 0) await this.#parts.device.submit(gathering(cache, window, rows, single));
      const place = { audio, firstWindow: firstWindow + window, windows: 1, memory };
      await this.#execute(execution, place, single, alone, output);
      const to = cache.rows(window, end + (firstToken % perWindow), width);
      await this.#parts.device.submit([{ kind: 'copy', from: single.rows(0, rows.length, width), to }]);
    }
  }

  /** The step has been done, or queued. @param end rows in each log before it */
  #commit(plan: RowPlan, end: number): void {
    const perWindow = plan.tokens.length / this.#place.windows;
    for (let i = 0; i < plan.tokens.length; i++) this.#rowAt.push(end + (i % perWindow));
    this.#kvLength = end + perWindow;
    this.#texts.commit(plan);
  }
}

/** The tokens of a text that a step has appended, and as many others as it has appended behind them in vain. */
function appended({ tokens }: GreedyText, count: number): number[] {
  return Array.from({ length: count }, (_, i) => tokens[i] ?? 0);
}
