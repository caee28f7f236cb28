import { dirname } from 'node:path';
import * as v from 'valibot';
import { JobError } from '../../errors.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { type Job, type JobResult, jobResultSchema, outputPaths } from '../job.ts';

// <where the first output goes>/.whisper-npu-parts~<key>/plan.json   where the recording is cut, as the first worker found it
// <…>/0.json, 1.json …   what was said in each part; all of it goes when the outputs are there

const seconds = v.pipe(v.number(), v.minValue(0));

/** Where a recording is cut, so that all workers cut it there, and what is known of it as a whole. */
const planSchema = v.object({
  cuts: v.pipe(v.array(seconds), v.minLength(1)),
  audioSeconds: seconds,
  /** As it was detected, and how likely it is. */
  language: v.optional(v.string()),
  languageProbability: v.optional(v.number()),
});

export type Plan = v.InferOutput<typeof planSchema>;

const placeEntries = { startSeconds: v.number(), endSeconds: v.number(), text: v.string() };

const segmentSchema = v.object({
  ...placeEntries,
  id: v.number(),
  seek: v.number(),
  tokens: v.array(v.number()),
  temperature: v.number(),
  avgLogprob: v.number(),
  compressionRatio: v.number(),
  noSpeechProb: v.optional(v.number()),
  language: v.string(),
  words: v.optional(v.array(v.object({ ...placeEntries, probability: v.number() }))),
});

/** What came of a part. */
const partResultSchema = v.object({ segments: v.array(segmentSchema), result: jobResultSchema });

export interface PartResult {
  readonly segments: readonly Segment[];
  readonly result: JobResult;
}

/** Where the parts of a job lie. */
export function planPlace(job: Job): string {
  const [[, output] = ['', '']] = outputPaths(job);
  return `${dirname(output)}/.whisper-npu-parts~${job.key.slice(0, 16)}/plan.json`;
}

export function partPlace(job: Job, index: number): string {
  return `${dirname(planPlace(job))}/${index}.json`;
}

/** @throws JobError ('JOB_NOT_UNDERSTOOD') for what another version may have written */
export function readPlan(text: string, job: Job): Plan {
  return parsed(planSchema, text, job);
}

/** @throws JobError ('JOB_NOT_UNDERSTOOD') */
export function readPartResult(text: string, job: Job): PartResult {
  return parsed(partResultSchema, text, job) as PartResult;
}

function parsed<Schema extends v.GenericSchema>(schema: Schema, text: string, job: Job): v.InferOutput<Schema> {
  try {
    return v.parse(schema, JSON.parse(text));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || v.isValiError(cause))) throw cause;
    throw new JobError('JOB_NOT_UNDERSTOOD', `the parts of ${job.audio.name} are none that this version knows`, {
      hint: `remove ${dirname(planPlace(job))}, then queue retry`,
      cause,
    });
  }
}
