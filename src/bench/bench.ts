import type { GreedyRequest } from '../backend/backend.ts';
import type { NativeDevice } from '../backend/npu/addon.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import { measureRuns, type RunTimes } from './measure.ts';
import type { BenchResult, DeviceMemory, Environment, StageName, StageSummary, Workload } from './result.ts';
import { stageNames } from './result.ts';
import { type StageTimes, stageTimes, summarizeRuns, summarizeStage, tokenLatencies } from './summarize-runs.ts';
import type { BenchAudio } from './workload.ts';

/** A model that is ready, and what is to be known of how it became so. */
export interface BenchSubject {
  readonly model: LoadedModel;
  readonly modelSha256: string;
  readonly dtype: string;
  readonly loadMs: number;
  /** False where this process had to fetch or prepare the model first, which takes memory of its own. */
  readonly wasReady: boolean;
  readonly environment: Environment;
  /** The NPU it runs on. */
  readonly npu?: NpuUnderTest;
}

export interface NpuUnderTest {
  readonly device: NativeDevice;
  readonly isStandIn: boolean;
  /** Memory in use on the device before the model was loaded. */
  readonly beforeBytes: number;
}

export interface BenchOptions {
  readonly audio: BenchAudio;
  readonly request: GreedyRequest;
  /** Whether `request` sets the number of tokens. */
  readonly forcedTokens: boolean;
  readonly runs: number;
  readonly warmupRuns: number;
  readonly signal: AbortSignal;
  readonly onRun?: (done: number, times: RunTimes) => void;
}

/** A result and what it was made of, which has more than is worth keeping in a file. */
export interface Measured {
  readonly result: BenchResult;
  readonly times: StageTimes;
  /** Numbers of runs, from 1, whose tokens were not those of the first: a fault, or weights that are none. */
  readonly deviating: readonly number[];
}

/** @returns undefined when it was interrupted before the first run had finished */
export async function bench(subject: BenchSubject, options: BenchOptions): Promise<Measured | undefined> {
  const { model, npu } = subject;
  const memory = await DeviceMemoryWatch.start(npu);
  const measuredAt = new Date().toISOString();
  const runs = await measureRuns({
    ...options,
    model,
    samples: options.audio.samples,
    async afterRun(done, times) {
      await memory.look();
      options.onRun?.(done, times);
    },
  });
  const [first] = runs;
  if (first === undefined) return undefined;
  const times = stageTimes(subject.loadMs, runs);
  const deviceMemory = memory.result();
  const workload = workloadOf(subject, options, first);
  const result: BenchResult = {
    kind: 'whisper-npu bench',
    version: 1,
    measuredAt,
    standIn: npu?.isStandIn ?? false,
    complete: runs.length === options.runs,
    device: model.backend.device,
    workload,
    runs: runs.length,
    warmupRuns: options.warmupRuns,
    stages: summarizeStages(times),
    tokensPerSecond: summarizeRuns(runs, ({ tokenIds, decodeMs }) => tokenIds.length / (decodeMs / 1000)),
    rtf: summarizeRuns(runs, ({ endToEndMs }) => endToEndMs / 1000 / workload.audioSeconds),
    ...(subject.wasReady ? { peakRssBytes: process.resourceUsage().maxRSS * 1024 } : {}),
    ...(deviceMemory === undefined ? {} : { deviceMemory }),
    tokenLatenciesMs: tokenLatencies(runs),
    environment: subject.environment,
    text: first.text.trim(),
  };
  const deviating = runs.flatMap(({ tokenIds }, i) => (tokenIds.join() === first.tokenIds.join() ? [] : [i + 1]));
  return { result, times, deviating };
}

function workloadOf({ model, modelSha256, dtype }: BenchSubject, options: BenchOptions, first: RunTimes): Workload {
  const { audio, forcedTokens } = options;
  return {
    model: model.name,
    modelSha256,
    dtype,
    audioSeconds: audio.seconds,
    audio: audio.description,
    tokens: first.tokenIds.length,
    forcedTokens,
  };
}

function summarizeStages(times: StageTimes): Partial<Record<StageName, StageSummary>> {
  const stages: Partial<Record<StageName, StageSummary>> = {};
  for (const name of stageNames) {
    const summary = summarizeStage(times[name]);
    if (summary !== undefined) stages[name] = summary;
  }
  return stages;
}

/** Looks at an NPU's memory between runs: a look inside a run would be part of its time. */
class DeviceMemoryWatch {
  readonly #npu: NpuUnderTest | undefined;
  #memory: DeviceMemory | undefined;

  private constructor(npu: NpuUnderTest | undefined) {
    this.#npu = npu;
  }

  static async start(npu: NpuUnderTest | undefined): Promise<DeviceMemoryWatch> {
    const watch = new DeviceMemoryWatch(npu);
    await watch.look();
    return watch;
  }

  async look(): Promise<void> {
    if (this.#npu === undefined) return;
    const { device, beforeBytes } = this.#npu;
    const { freeBytes, totalBytes } = await device.memoryInfo();
    const usedBytes = totalBytes - freeBytes;
    const { loadedBytes, peakBytes } = this.#memory ?? { loadedBytes: usedBytes, peakBytes: usedBytes };
    this.#memory = { totalBytes, beforeBytes, loadedBytes, peakBytes: Math.max(peakBytes, usedBytes) };
  }

  result(): DeviceMemory | undefined {
    return this.#memory;
  }
}
