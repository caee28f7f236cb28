import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { type FormatName, formatNames } from '../output/formats.ts';
import { parseS3 } from './s3/address.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const seconds = v.pipe(v.number(), v.minValue(0));
/** A path, or a place in S3. */
const path = v.pipe(
  v.string(),
  v.check((text) => isAbsolute(text) || parseS3(text) !== undefined),
);

/** What lies in a queue of a recording. It is read from what others may have written. */
export const jobSchema = v.object({
  /** The same for the same recording with the same wishes: a job that is added twice is one job. */
  key: hash,
  audio: v.object({
    path,
    /** As whoever added it wrote it. */
    name: v.string(),
    sha256: hash,
    sizeBytes: count,
    /** Where it lies in S3: what says that it is still the same, of which the hash is one then. */
    object: v.optional(v.object({ etag: v.string(), changedMs: count })),
  }),
  /** Where the results go. */
  outputs: v.record(v.picklist(formatNames), path),
  /** How it is transcribed: those options of the door `audio form` that are not at their defaults. */
  options: v.record(v.string(), v.unknown()),
  /** Higher ones come first. */
  priority: v.pipe(v.number(), v.integer(), v.minValue(-1000), v.maxValue(1000)),
  /** How often it is tried before it stays failed. */
  attempts: v.pipe(count, v.minValue(1)),
  /** Of the program that added it. */
  version: v.optional(v.string()),
  /** A recording that turns out to be longer fails. */
  maxSeconds: v.optional(v.number()),
  /** That a long recording may be done in parts, each a job of its own. */
  split: v.optional(v.literal(true)),
  /** That it is a part of another job's recording, whose outputs it has: only this much of it is heard, and written down here. */
  part: v.optional(v.object({ of: hash, startSeconds: seconds, endSeconds: v.optional(seconds), path })),
});

/** A recording that somebody wants transcribed. */
export type Job = Readonly<v.InferOutput<typeof jobSchema>>;

/** What is said of a job that was done; its results are in files. */
export const jobResultSchema = v.object({
  /** Absent where all results were there already: whoever made them was killed before he could say so. */
  audioSeconds: v.optional(v.number()),
  elapsedSeconds: v.optional(v.number()),
  language: v.optional(v.string()),
  /** Of how many parts it was put together; absent where it was done as a whole. */
  nParts: v.optional(count),
  /** With what it was done. */
  model: v.string(),
  /** Of the model's weights. */
  modelHash: v.optional(v.string()),
  dtype: v.string(),
  device: v.string(),
  version: v.string(),
});

export type JobResult = Readonly<v.InferOutput<typeof jobResultSchema>>;

/** With what a job is done. */
export type By = Pick<JobResult, 'model' | 'modelHash' | 'dtype' | 'device' | 'version'>;

/** What comes of doing a job: its result, or jobs that have to be done first, after which it is begun again. */
export type Outcome = JobResult | Parts;

export interface Parts {
  readonly parts: readonly Job[];
}

export const jobFailureSchema = v.object({ code: v.string(), message: v.string() });

/** Why a job failed. */
export type JobFailure = Readonly<v.InferOutput<typeof jobFailureSchema>>;

export type JobState = 'waiting' | 'active' | 'finished' | 'failed' | 'cancelled';
export const jobStates: readonly JobState[] = ['waiting', 'active', 'finished', 'failed', 'cancelled'];

/** A job and what became of it. */
export interface JobReport {
  readonly job: Job;
  readonly state: JobState;
  /** How often it was begun and did not come to its end. */
  readonly failures: number;
  /** Why it failed last. */
  readonly failure?: JobFailure | undefined;
  readonly result?: JobResult | undefined;
  /** How many parts it was just cut into. */
  readonly nParts?: number;
}

/** The key of a job: a hash of what is heard, how, and where it goes. */
export function jobKey({
  audio,
  outputs,
  options,
  split,
  part,
}: Pick<Job, 'outputs' | 'options' | 'split' | 'part'> & { audio: { sha256: string } }): string {
  const sorted = (entries: Readonly<Record<string, unknown>>) =>
    Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
  const extent = [...(split === true ? ['split'] : []), ...(part === undefined ? [] : [part])];
  const text = JSON.stringify([audio.sha256, sorted(outputs), sorted(options), ...extent]);
  return createHash('sha256').update(text).digest('hex');
}

/** The outputs of a job, in the order in which formats are written. */
export function outputPaths({ outputs }: Job): readonly (readonly [FormatName, string])[] {
  return formatNames.flatMap((name) => {
    const output = outputs[name];
    return output === undefined ? [] : [[name, output] as const];
  });
}

/** For people: its recording, and which part of it. */
export function jobName({ audio, part }: Job): string {
  if (part === undefined) return audio.name;
  return `${audio.name}, from ${part.startSeconds} s${part.endSeconds === undefined ? '' : ` to ${part.endSeconds} s`}`;
}
