import { NpuError } from '../../errors.ts';
import type { Candidate } from '../../logits/candidates.ts';
import { rowsOf } from '../../logits/rows.ts';
import type { TimestampRules } from '../../logits/timestamp-rules.ts';
import type {
  CandidatesRequest,
  GreedyRequest,
  GreedyResult,
  GreedySequence,
  SequenceStep,
  Step,
  StepResult,
} from '../backend.ts';
import { checkCandidates } from '../candidates.ts';
import {
  type AllowedTokens,
  appendRaggedPrefixes,
  chooseToken,
  decodeGreedily,
  type GrowingSequences,
  lengthsAfter,
  logprobsOfTokens,
  type SequenceTokens,
} from '../greedy.ts';
import { firstLogitRow, SequenceTable, type StepPlan } from '../sequence-table.ts';
import type { Command } from './addon.ts';
import { CandidatesOutput } from './candidates-output.ts';
import { executeDecoders } from './decoders-execution.ts';
import { decodeGreedilyOnDevice, type GreedyStart, nextLogprobsOnDevice } from './device-greedy.ts';
import { chooseExecutionPlan, compacted, type ExecutionPlan } from './execution-plan.ts';
import type { GreedyFile, GreedyModel } from './greedy-models.ts';
import { gatherCommands, type KvCache } from './kv-cache.ts';
import { forMask } from './masks.ts';
import { rowsPerWindow, type StepInput } from './row-inputs.ts';
import { executeRows } from './rows-execution.ts';
import { noAligner } from './rows-models.ts';
import type { RunContext, RunResources } from './run-context.ts';
import { LogitsOutput, type StepOutput, type Wanted } from './step-output.ts';

/** Up to so many last tokens of a prompt are appended by the graph for greedy decoding, which saves a step of their own. */
const maxTailTokens = 3;

/**
 * Sequences over encoded windows. Each window has a region of the KV cache, which every step appends entries to; which graph
 * computes a step is chosen by the step's shape (execution-plan.ts). In greedy decoding tokens go from one step to the next on
 * the device, without the host (device-greedy.ts).
 */
export class NpuRun {
  readonly #resources: RunResources;
  readonly #context: RunContext;
  readonly #sequences: SequenceTable;
  /** By entry of the sequence table: its index in the KV cache region of its window. */
  readonly #regionIndex: number[] = [];
  /** Entries in each region. */
  #kvLength = 0;
  /** The failure of a compaction that was interrupted, which has corrupted the cache. */
  #corruptedBy: unknown;

  constructor(resources: RunResources, context: RunContext) {
    this.#resources = resources;
    this.#context = context;
    this.#sequences = new SequenceTable(context.windows, resources.dimensions);
  }

  async forward(step: Step): Promise<StepResult> {
    const plan = this.#sequences.plan(step);
    const { attention = false } = step;
    const output = this.#output(plan, { logitsFrom: firstLogitRow(plan, step), attention });
    await this.#append(plan, output);
    return output.result();
  }

  async candidates(step: SequenceStep, request: CandidatesRequest): Promise<Candidate[][]> {
    const { dimensions, masks } = this.#resources;
    checkCandidates(request, { sequences: step.tokens.length, nVocab: dimensions.nVocab });
    const plan = this.#sequences.plan(step);
    using mask = await masks.take(forMask(request.suppress, request.timestamps?.rules));
    const output = new CandidatesOutput(dimensions, plan.tokensPerSequence, request, mask.slice);
    await this.#append(plan, output);
    return output.result();
  }

  async nextLogprobs(tokens: SequenceTokens, wantedTokens: readonly number[]): Promise<Float32Array> {
    const file = this.#greedyFile();
    if (file === undefined) {
      const { logits } = await this.forward({ tokens });
      this.#sequences.truncate(this.#sequences.lengths.map((length) => length - 1));
      const [rows = []] = rowsOf(logits, this.#resources.dimensions.nVocab, 1);
      return logprobsOfTokens(rows, wantedTokens);
    }
    const model = await this.#resources.greedy.load(file);
    const start = await this.#greedyStart(model, tokens, 1);
    using mask = await this.#resources.masks.take(new Float32Array(this.#resources.dimensions.nVocab));
    const logprobs = await nextLogprobsOnDevice(this.#resources, this.#context, model, start, mask.slice, wantedTokens);
    const kept = start.promptTails.map((tail) => tail.slice(0, -1));
    if ((kept[0]?.length ?? 0) > 0) this.#commit(this.#sequences.plan({ tokens: kept }), start.kvLength);
    return logprobs;
  }

  /** @param throwIfAborted called before every batch of steps */
  async greedy(request: GreedyRequest, throwIfAborted: () => void): Promise<GreedyResult> {
    const { prompts, timestamps } = request;
    const isEven = prompts.every(({ length }) => length === prompts[0]?.length);
    if (isEven) this.#sequences.plan({ tokens: prompts }); // throws where they cannot be appended
    const file = this.#greedyFile(timestamps?.rules);
    if (file === undefined) return this.#greedyOnHost(request, throwIfAborted);
    return this.#greedyOnDevice(await this.#resources.greedy.load(file), request, throwIfAborted);
  }

  /** Greedy decoding when no graph for it has been converted, or only one for other timestamp rules. */
  #greedyOnHost(request: GreedyRequest, throwIfAborted: () => void): Promise<GreedyResult> {
    const choose = async (tokens: SequenceTokens, allowed: readonly AllowedTokens[]) => {
      const { logits } = await this.forward({ tokens });
      const [rows = []] = rowsOf(logits, this.#resources.dimensions.nVocab, 1);
      return rows.map((row, sequence) => chooseToken(row, allowed[sequence] as AllowedTokens));
    };
    return decodeGreedily(request, { ...this.#greedyCallbacks(), choose }, () => {
      throwIfAborted();
      return false;
    });
  }

  #greedyCallbacks(): Omit<GrowingSequences, 'choose'> {
    return {
      lengths: this.#sequences.lengths,
      append: async (tokens) => {
        const plan = this.#sequences.plan({ tokens });
        await this.#append(plan, this.#output(plan, { logitsFrom: plan.tokensPerSequence, attention: false }));
      },
      truncate: (lengths) => this.#sequences.truncate(lengths),
    };
  }

  #greedyFile(rules?: TimestampRules): GreedyFile | undefined {
    const { audio, firstWindow, windows } = this.#context;
    // The graph takes one sequence for each window.
    if (this.#sequences.lengths.length !== windows) return undefined;
    return this.#resources.greedy.files.find(({ windows: limit, kinds }) => {
      if (windows > limit || firstWindow + limit > audio.windows) return false;
      const { eot, timestampBegin } = rules ?? kinds;
      return eot === kinds.eot && timestampBegin === kinds.timestampBegin;
    });
  }

  async #greedyOnDevice(model: GreedyModel, request: GreedyRequest, check: () => void): Promise<GreedyResult> {
    const { prompts, timestamps, maxTokens, timed } = request;
    const before = this.#sequences.lengths;
    const ends = await appendRaggedPrefixes(prompts, this.#greedyCallbacks());
    const start = await this.#greedyStart(model, ends, maxTokens);
    const [first, others] = [request.beginSuppress, request.suppress].map((mask) => forMask(mask, timestamps?.rules));
    using firstMask = await this.#resources.masks.take(first as Float32Array);
    using otherMask = await this.#resources.masks.take(others as Float32Array);
    const masks = { first: firstMask.slice, others: otherMask.slice };
    const { sequences, batches } = await decodeGreedilyOnDevice(
      this.#resources,
      this.#context,
      model,
      start,
      { ...request, masks },
      check,
    );
    this.#commit(this.#sequences.plan({ tokens: start.promptTails }), start.kvLength);
    const longest = Math.max(...sequences.map(({ tokens }) => tokens.length));
    if (longest > 1)
      this.#commit(
        this.#sequences.plan({ tokens: sequences.map((sequence) => appended(sequence, longest - 1)) }),
        this.#kvLength,
      );
    this.#sequences.truncate(lengthsAfter(before, prompts, sequences));
    return { sequences, ...(timed ? { batches } : {}) };
  }

  /** Appends the prompts except for the tails that the graph for greedy decoding appends itself, and makes room for new tokens. */
  async #greedyStart(model: GreedyModel, prompts: SequenceTokens, maxTokens: number): Promise<GreedyStart> {
    const { tokensPerSequence } = this.#sequences.plan({ tokens: prompts });
    const tailLength = tokensPerSequence <= maxTailTokens ? tokensPerSequence : 1;
    if (tailLength < tokensPerSequence)
      await this.#greedyCallbacks().append(prompts.map((prompt) => prompt.slice(0, -tailLength)));
    const promptTails = prompts.map((prompt) => prompt.slice(-tailLength));
    const plan = this.#sequences.plan({ tokens: promptTails });
    const limit = Math.min(maxTokens, this.#resources.dimensions.nTextCtx - Math.max(...plan.positions));
    const isFull = this.#stepInput(plan).kvLength + tailLength + limit - 1 > model.shape.capacity;
    const { pastEntries, kvLength } = isFull ? await this.#compact(plan) : this.#stepInput(plan);
    const positions = promptTails.map((_, sequence) => plan.positions[sequence * tailLength] as number);
    return { promptTails, positions, pastEntries, kvLength };
  }

  #output({ sequences, tokensPerSequence }: StepPlan, wanted: Wanted): LogitsOutput {
    return new LogitsOutput(this.#resources.dimensions, sequences.length, tokensPerSequence, wanted);
  }

  async #append(plan: StepPlan, output: StepOutput): Promise<void> {
    if (output.wanted.attention && !this.#resources.rows.files.some(({ outputsAttention }) => outputsAttention))
      throw noAligner();
    if (this.#kvLength === 0) await this.#arrangeCache();
    let stepInput = this.#stepInput(plan);
    if (this.#isScattered(stepInput) || this.#executionPlan(stepInput, output) === undefined) {
      const dense = compacted(stepInput).stepInput;
      if (this.#executionPlan(dense, output) !== undefined) stepInput = await this.#compact(plan);
    }
    const execution = this.#executionPlan(stepInput, output);
    const { cache } = this.#context.memory;
    if (execution === undefined) await this.#oneByOne(stepInput, output);
    else await this.#execute(execution, this.#context, cache, stepInput, output);
    this.#commit(plan, stepInput.kvLength);
  }

  /** Divides the empty cache into the regions that graphs for several windows need, if there are any. */
  async #arrangeCache(): Promise<void> {
    const { audio, windows, memory } = this.#context;
    const { dimensions, rows } = this.#resources;
    if (windows === 1) return memory.cache.arrange(1, memory.cache.capacity, 0);
    const capacities = rows.files.filter((file) => file.windows > 1).map(({ capacity }) => capacity);
    const stride = capacities.length > 0 ? Math.min(...capacities) : dimensions.nTextCtx;
    await memory.cache.arrange(audio.windows, stride, 0);
  }

  #stepInput({ tokens, positions, tokensPerSequence, pastEntries: entries }: StepPlan): StepInput {
    if (this.#corruptedBy !== undefined) {
      const options = { cause: this.#corruptedBy, hint: 'Transcribe the recording again.' };
      throw new NpuError(
        'NPU_TEXT_LOST',
        `an earlier failure has destroyed this sequence: ${this.#corruptedBy}`,
        options,
      );
    }
    const pastEntries = entries.map((own) => own.map((entry) => this.#regionIndex[entry] ?? entry));
    return {
      tokens,
      positions,
      windows: this.#context.windows,
      tokensPerSequence,
      pastEntries,
      kvLength: this.#kvLength,
      firstToken: 0,
    };
  }

  /** Whether sequences that are alone over their windows have unused entries of other sequences between theirs. */
  #isScattered({ pastEntries, windows, kvLength }: StepInput): boolean {
    return pastEntries.length === windows && kvLength > (pastEntries[0]?.length ?? 0);
  }

  #executionPlan(stepInput: StepInput, { wanted }: StepOutput): ExecutionPlan | undefined {
    const { audio, firstWindow, memory } = this.#context;
    const { dimensions, rows } = this.#resources;
    const roomForWindows = audio.windows - firstWindow;
    return chooseExecutionPlan(
      stepInput,
      { dimensions, files: rows.files, decoderWidths: [...memory.decoders.keys()], roomForWindows },
      wanted,
    );
  }

  /** Moves the entries that are still in use to the beginning of each region. */
  async #compact(plan: StepPlan): Promise<StepInput> {
    const { cache } = this.#context.memory;
    const { stepInput, moves } = compacted(this.#stepInput(plan));
    const commands = moves.map(({ window, from, to, count }): Command => {
      return { kind: 'copy', from: cache.entries(window, from, count), to: cache.entries(window, to, count) };
    });
    try {
      if (commands.length > 0) await this.#resources.device.submit(commands);
    } catch (error) {
      this.#corruptedBy = error;
      throw error;
    }
    for (const [sequence, entries] of plan.pastEntries.entries())
      for (const [i, entry] of entries.entries())
        this.#regionIndex[entry] = stepInput.pastEntries[sequence]?.[i] ?? entry;
    this.#kvLength = stepInput.kvLength;
    return stepInput;
  }

  async #execute(
    execution: ExecutionPlan,
    context: RunContext,
    cache: KvCache,
    stepInput: StepInput,
    output: StepOutput,
  ): Promise<void> {
    if (execution.kind === 'decoders') return executeDecoders(this.#resources, context, { cache, stepInput }, output);
    const model = await this.#resources.rows.load(execution.file);
    await executeRows(this.#resources, context, { model, cache, stepInput }, output);
  }

  /**
   * Computes a step that no graph takes whole, because the cache has too many entries or no rows graph has been converted:
   * copies one sequence after the other into a cache of its own, continues it there, and copies its new entries back.
   */
  async #oneByOne(stepInput: StepInput, output: StepOutput): Promise<void> {
    const { audio, firstWindow, memory } = this.#context;
    const { cache } = memory;
    const perWindow = rowsPerWindow(stepInput);
    const { pastEntries, tokensPerSequence, windows, kvLength } = stepInput;
    const needed = kvLength + perWindow;
    await cache.arrange(windows, needed > cache.stride ? Math.max(needed, 2 * cache.stride) : cache.stride, kvLength);
    const single = await memory.single();
    for (const [sequence, entries] of pastEntries.entries()) {
      const window = Math.floor((sequence * tokensPerSequence) / perWindow);
      const firstToken = sequence * tokensPerSequence;
      const alone: StepInput = {
        tokens: stepInput.tokens.subarray(firstToken, firstToken + tokensPerSequence),
        positions: stepInput.positions.subarray(firstToken, firstToken + tokensPerSequence),
        windows: 1,
        tokensPerSequence,
        pastEntries: [entries.map((_, i) => i)],
        kvLength: entries.length,
        firstToken,
      };
      const execution = this.#executionPlan(alone, output);
      if (execution === undefined) throw new Error('a sequence alone fits every graph');
      if (entries.length > 0) await this.#resources.device.submit(gatherCommands(cache, window, entries, single));
      const context = { audio, firstWindow: firstWindow + window, windows: 1, memory };
      await this.#execute(execution, context, single, alone, output);
      const to = cache.entries(window, kvLength + (firstToken % perWindow), tokensPerSequence);
      await this.#resources.device.submit([
        { kind: 'copy', from: single.entries(0, entries.length, tokensPerSequence), to },
      ]);
    }
  }

  /** Records that a step has been computed or queued. @param kvLength entries in each region before it */
  #commit(plan: StepPlan, kvLength: number): void {
    const perWindow = plan.tokens.length / this.#context.windows;
    for (let i = 0; i < plan.tokens.length; i++) this.#regionIndex.push(kvLength + (i % perWindow));
    this.#kvLength = kvLength + perWindow;
    this.#sequences.commit(plan);
  }
}

/** The tokens that steps have appended to a sequence: its own, and padding behind its end while others were still going. */
function appended({ tokens }: GreedySequence, count: number): number[] {
  return Array.from({ length: count }, (_, i) => tokens[i] ?? 0);
}
