import type { Summary } from './stats.ts';

/** What is timed, in the order of a run. */
export const stageNames = ['load', 'features', 'encoder', 'prefill', 'token', 'endToEnd'] as const;
export type StageName = (typeof stageNames)[number];

/** Stages as people read them. */
export const stageLabels: Readonly<Record<StageName, string>> = {
  load: 'load',
  features: 'features',
  encoder: 'encoder',
  prefill: 'prefill',
  token: 'token',
  endToEnd: 'end to end',
};

/** Milliseconds of a stage. The interval is of the mean of the runs' means, for what is measured within one run is alike. */
export interface StageSummary extends Summary {
  /** The mean of each run, in their order. */
  readonly runs: readonly number[];
}

/** How long the token at one place of the text took, over all runs. */
export interface TokenLatency {
  /** 1 for the second token: the first comes with the prefill. */
  readonly position: number;
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

export interface DeviceMemory {
  readonly totalBytes: number;
  /** In use, by whomever: before the model was loaded, after that, and the most after any run. */
  readonly beforeBytes: number;
  readonly loadedBytes: number;
  readonly peakBytes: number;
}

/** What stands in place of an unknown peak. */
export const unknownPeakText = 'not told, because the model was made ready in this very run: measure again';

/** Names and values, in reading order. */
export type Environment = Readonly<Record<string, string>>;

/** What was run: two results can be held against each other where these are the same. */
export interface Workload {
  readonly model: string;
  /** SHA-256 of the checkpoint's weights, hex. */
  readonly modelSha256?: string;
  readonly dtype: string;
  readonly audioSeconds: number;
  /** Where the audio is from, for people. */
  readonly audio: string;
  /** Decoder steps of a run whose tokens counted, the end token included. */
  readonly tokens: number;
  /** Whether the number of tokens was set instead of left to the model. */
  readonly forcedTokens: boolean;
}

/** A finished measurement, or as much of it as there was time for. Written and read as JSON. */
export interface BenchResult {
  readonly kind: 'whisper-npu bench';
  readonly version: 1;
  /** ISO 8601. */
  readonly measuredAt: string;
  /** Whether the device was a stand-in for CANN, whose figures say nothing of an NPU. */
  readonly standIn: boolean;
  /** False when it was interrupted. */
  readonly complete: boolean;
  readonly device: string;
  readonly workload: Workload;
  /** How many were measured, and how many before them were not. */
  readonly runs: number;
  readonly warmupRuns: number;
  readonly stages: Readonly<Partial<Record<StageName, StageSummary>>>;
  /** Tokens over the time of prefill and steps. */
  readonly tokensPerSecond: Summary;
  /** End to end time over the audio's length. */
  readonly rtf: Summary;
  /** Of this process. Unknown where it had to prepare the model first, which may take more than running it. */
  readonly peakRssBytes?: number;
  readonly deviceMemory?: DeviceMemory;
  readonly tokenLatenciesMs: readonly TokenLatency[];
  readonly environment: Environment;
  /** What the model wrote. */
  readonly text: string;
}
