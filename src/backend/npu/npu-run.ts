import { NpuError } from '../../errors.ts';
import type { Candidate } from '../../logits/candidates.ts';
import type { TimestampRules } from '../../logits/timestamp-rules.ts';
import type { CandidatesRequest, GreedyRequest, GreedyResult, Step, StepResult, TextStep } from '../backend.ts';
import { checkCandidates } from '../candidates.ts';
import { chooseToken, decodeGreedily } from '../greedy.ts';
import { firstAsked, type RowPlan, TextTree } from '../text-tree.ts';
import type { Command } from './addon.ts';
import { CandidatesOutput } from './candidates-output.ts';
import { DecoderQueue } from './decoder-queue.ts';
import { decodeOnDevice } from './device-greedy.ts';
import type { GreedyFile, GreedyModel } from './greedy-models.ts';
import type { RowCache } from './row-cache.ts';
import { type Addition, rowsPerWindow } from './row-inputs.ts';
import { executeRows } from './rows-execution.ts';
import type { RunParts, RunPlace } from './run-parts.ts';
import { LogitsOutput, type StepOutput, type Wanted } from './step-output.ts';
import { chooseWay, compacted, stretches, type Way } from './step-way.ts';

/** As many tokens at the end of a prompt are appended in steps of the graph that goes on behind them, with the same wait. */
const longestTail = 3;

/**
 * Texts over the windows of one audio. Their rows lie in one log per window, into which every step writes its new ones;
 * what a step computes is chosen by its shape (step-way.ts). In greedy decoding tokens never visit the host on their way
 * from one step to the next (device-greedy.ts).
 */
export class NpuRun {
  readonly #parts: RunParts;
  readonly #place: RunPlace;
  readonly #texts: TextTree;
  /** Where in its window's log each row of the tree lies. */
  readonly #rowAt: number[] = [];
  /** Rows in each log. */
  #end = 0;
  /** Set where rows were lost half way to another place. */
  #lost: unknown;

  constructor(parts: RunParts, place: RunPlace) {
    this.#parts = parts;
    this.#place = place;
    this.#texts = new TextTree(place.windows, parts.dimensions);
  }

  async forward(step: Step): Promise<StepResult> {
    const plan = this.#texts.plan(step);
    const { attention = false } = step;
    const output = this.#output(plan, { logitsFrom: firstAsked(plan, step), attention });
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

  /** @param throwIfAborted asked before every batch of steps */
  async greedy(request: GreedyRequest, throwIfAborted: () => void): Promise<GreedyResult> {
    this.#texts.plan({ tokens: [request.prompt] }); // refuses what cannot be appended
    const file = this.#greedyFile(request);
    return file === undefined
      ? this.#greedyOnHost(request, throwIfAborted)
      : this.#greedyOnDevice(await this.#parts.greedy.load(file), request, throwIfAborted);
  }

  /** Where no graph for it has been converted, or one for other rules. */
  #greedyOnHost(request: GreedyRequest, throwIfAborted: () => void): Promise<GreedyResult> {
    return decodeGreedily(
      request,
      async (tokens, allowed) => chooseToken((await this.forward({ tokens: [tokens] })).logits, allowed),
      () => {
        throwIfAborted();
        return false;
      },
    );
  }

  #greedyFile({ timestamps }: GreedyRequest): GreedyFile | undefined {
    const { audio, firstWindow, windows } = this.#place;
    return this.#parts.greedy.files.find(({ windows: most, kinds }) => {
      if (windows > most || firstWindow + most > audio.windows) return false;
      const rules = timestamps?.rules ?? kinds;
      return rules.eot === kinds.eot && rules.timestampBegin === kinds.timestampBegin;
    });
  }

  async #greedyOnDevice(model: GreedyModel, request: GreedyRequest, check: () => void): Promise<GreedyResult> {
    const { prompt, timestamps, stopToken, maxTokens, timed } = request;
    const tailLength = prompt.length <= longestTail ? prompt.length : 1;
    if (tailLength < prompt.length) {
      const plan = this.#texts.plan({ tokens: [prompt.slice(0, -tailLength)] });
      await this.#append(plan, this.#output(plan, { logitsFrom: plan.width, attention: false }));
    }
    const tails = [prompt.slice(-tailLength)];
    const plan = this.#texts.plan({ tokens: tails });
    const { past, end } = await this.#withRoom(plan, maxTokens, model.shape.capacity);
    const positions = tails.map((_, text) => plan.positions[text * tailLength] as number);
    const allTimed = timestamps === undefined ? undefined : [timestamps];
    const beginning = { tails, positions, past, row: end, timed: allTimed, stopToken, maxTokens };
    const [first, others] = [request.beginSuppress, request.suppress].map((mask) => forMask(mask, timestamps?.rules));
    using firstMask = await this.#parts.masks.take(first as Float32Array);
    using otherMask = await this.#parts.masks.take(others as Float32Array);
    const masks = { first: firstMask.slice, others: otherMask.slice };
    const { texts, batches } = await decodeOnDevice(this.#parts, this.#place, model, beginning, masks, check);
    this.#commit(plan, end);
    const [{ tokens, logprobs } = { tokens: [], logprobs: [] }] = texts;
    if (tokens.length > 1) this.#commit(this.#texts.plan({ tokens: [tokens.slice(0, -1)] }), this.#end);
    return {
      tokens: [...tokens],
      logprobs: [...logprobs],
      logprobErrors: tokens.map(() => 0),
      ...(timed ? { batches } : {}),
    };
  }

  /** What a plan appends, with room in each log for tokens behind it. */
  async #withRoom(plan: RowPlan, maxTokens: number, capacity: number): Promise<Addition> {
    const addition = this.#addition(plan);
    const most = Math.min(maxTokens, this.#parts.dimensions.nTextCtx - Math.max(...plan.positions));
    return addition.end + plan.width + most - 1 > capacity ? this.#compact(plan) : addition;
  }

  #output({ texts, width }: RowPlan, wanted: Wanted): LogitsOutput {
    return new LogitsOutput(this.#parts.dimensions, texts.length, width, wanted);
  }

  #widths(): number[] {
    return [...this.#place.memory.decoders.keys()];
  }

  async #append(plan: RowPlan, output: StepOutput): Promise<void> {
    if (output.wanted.attention && !this.#parts.rows.files.some(({ attends }) => attends)) throw noAligner();
    if (this.#end === 0) await this.#layOut();
    let addition = this.#addition(plan);
    if (this.#isScattered(addition) || this.#way(addition, output) === undefined) {
      const dense = compacted(addition).addition;
      if (this.#way(dense, output) !== undefined) addition = await this.#compact(plan);
    }
    const way = this.#way(addition, output);
    const { cache } = this.#place.memory;
    if (way === undefined) await this.#oneByOne(addition, output);
    else await this.#execute(way, this.#place, cache, addition, output);
    this.#commit(plan, addition.end);
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

  #addition({ tokens, positions, width, pastRows }: RowPlan): Addition {
    if (this.#lost !== undefined) {
      const options = { cause: this.#lost, hint: 'Begin the text again.' };
      throw new NpuError('NPU_TEXT_LOST', `an earlier failure has destroyed this text: ${this.#lost}`, options);
    }
    const past = pastRows.map((rows) => rows.map((row) => this.#rowAt[row] ?? row));
    return { tokens, positions, windows: this.#place.windows, width, past, end: this.#end, firstToken: 0 };
  }

  /** Whether the rows of texts that are alone over their windows would stand together but for those of others. */
  #isScattered({ past, windows, end }: Addition): boolean {
    return past.length === windows && end > (past[0]?.length ?? 0);
  }

  #way(addition: Addition, { wanted }: StepOutput): Way | undefined {
    const { audio, firstWindow } = this.#place;
    const { dimensions, rows } = this.#parts;
    const roomForWindows = audio.windows - firstWindow;
    return chooseWay(addition, { dimensions, files: rows.files, widths: this.#widths(), roomForWindows }, wanted);
  }

  /** Moves the rows that texts still have together, to the beginning of each log. */
  async #compact(plan: RowPlan): Promise<Addition> {
    const { cache } = this.#place.memory;
    const { addition, moves } = compacted(this.#addition(plan));
    const commands = moves.map(({ window, from, to, count }): Command => {
      return { kind: 'copy', from: cache.rows(window, from, count), to: cache.rows(window, to, count) };
    });
    try {
      if (commands.length > 0) await this.#parts.device.submit(commands);
    } catch (error) {
      this.#lost = error;
      throw error;
    }
    for (const [text, rows] of plan.pastRows.entries())
      for (const [i, row] of rows.entries()) this.#rowAt[row] = addition.past[text]?.[i] ?? row;
    this.#end = addition.end;
    return addition;
  }

  async #execute(way: Way, place: RunPlace, cache: RowCache, addition: Addition, output: StepOutput): Promise<void> {
    if (way.kind === 'decoders') return this.#executeDecoders(place, cache, addition, output);
    const model = await this.#parts.rows.load(way.file);
    await executeRows(this.#parts, place, { model, cache, addition }, output);
  }

  /** Each text alone, which is the beginning of its window's log. */
  async #executeDecoders(place: RunPlace, cache: RowCache, addition: Addition, output: StepOutput): Promise<void> {
    const { tokens, width, windows, end, firstToken } = addition;
    const { logits } = place.memory.slices;
    await cache.layOut(windows, cache.stride, end);
    using queue = new DecoderQueue(this.#parts, place);
    for (let window = 0; window < windows; window++) {
      for (const { from, count } of stretches(width, this.#widths(), output.wanted.logitsFrom)) {
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
  async #oneByOne(addition: Addition, output: StepOutput): Promise<void> {
    const { audio, firstWindow, memory } = this.#place;
    const { cache } = memory;
    const perWindow = rowsPerWindow(addition);
    const { past, width, windows, end } = addition;
    const needed = end + perWindow;
    await cache.layOut(windows, needed > cache.stride ? Math.max(needed, 2 * cache.stride) : cache.stride, end);
    const single = await memory.single();
    for (const [text, rows] of past.entries()) {
      const window = Math.floor((text * width) / perWindow);
      const firstToken = text * width;
      const alone: Addition = {
        tokens: addition.tokens.subarray(firstToken, firstToken + width),
        positions: addition.positions.subarray(firstToken, firstToken + width),
        windows: 1,
        width,
        past: [rows.map((_, i) => i)],
        end: rows.length,
        firstToken,
      };
      const way = this.#way(alone, output);
      if (way === undefined) throw new Error('a text alone fits every graph');
      if (rows.length > 0) await this.#parts.device.submit(gathering(cache, window, rows, single));
      const place = { audio, firstWindow: firstWindow + window, windows: 1, memory };
      await this.#execute(way, place, single, alone, output);
      const to = cache.rows(window, end + (firstToken % perWindow), width);
      await this.#parts.device.submit([{ kind: 'copy', from: single.rows(0, rows.length, width), to }]);
    }
  }

  /** The step has been done, or queued. @param end rows in each log before it */
  #commit(plan: RowPlan, end: number): void {
    const perWindow = plan.tokens.length / this.#place.windows;
    for (let i = 0; i < plan.tokens.length; i++) this.#rowAt.push(end + (i % perWindow));
    this.#end = end + perWindow;
    this.#texts.commit(plan);
  }
}

/** Copies of a text's rows, wherever they lie, to the beginning of a cache of its own. */
function gathering(cache: RowCache, window: number, rows: readonly number[], single: RowCache): Command[] {
  const copies: Command[] = [];
  for (let to = 0; to < rows.length; ) {
    const from = rows[to] ?? 0;
    let count = 1;
    while (rows[to + count] === from + count) count++;
    copies.push({ kind: 'copy', from: cache.rows(window, from, count), to: single.rows(0, to, count) });
    to += count;
  }
  return copies;
}

/** A mask that holds wherever the rules of timestamps do as well, if they do. */
function forMask(mask: Float32Array, rules: TimestampRules | undefined): Float32Array {
  if (rules === undefined || mask[rules.noTimestamps] === Number.NEGATIVE_INFINITY) return mask;
  const copy = mask.slice();
  copy[rules.noTimestamps] = Number.NEGATIVE_INFINITY;
  return copy;
}

function noAligner(): NpuError {
  return new NpuError('NPU_MODEL_MISSING', 'attention is asked for, and no aligner-N.om has been converted', {
    hint: 'Convert the model with `whisper-npu convert --word-timestamps`.',
  });
}
