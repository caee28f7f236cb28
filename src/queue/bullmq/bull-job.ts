import type { Job as BullJob, JobsOptions, JobType } from 'bullmq';
import * as v from 'valibot';
import {
  type Job,
  type JobFailure,
  type JobReport,
  type JobResult,
  type JobState,
  jobResultSchema,
  jobSchema,
} from '../job.ts';

/** Jobs without a priority come before all that have one, and lower ones come first: so each has one. */
const leastUrgent = 1001;

/** @param isBegun what is about a recording that was begun comes before others of the same priority */
export function bullPriority({ priority, part }: Job, isBegun = part !== undefined): number {
  return 2 * (leastUrgent - priority) - (isBegun ? 1 : 0);
}

/** Numbers alone are no names of jobs for BullMQ, and a hash may be one. */
const idPrefix = 'sha256-';

export function bullId(key: string): string {
  return `${idPrefix}${key}`;
}

/** How a job lies in BullMQ. */
export function bullOptions(job: Job): JobsOptions {
  return {
    jobId: bullId(job.key),
    priority: bullPriority(job),
    attempts: job.attempts,
    backoff: { type: 'custom' }, // the worker says how long
    stackTraceLimit: 1,
  };
}

/** Where jobs in one of our states lie. */
export const bullStates: Readonly<Record<Exclude<JobState, 'cancelled'>, readonly JobType[]>> = {
  waiting: ['waiting', 'prioritized', 'delayed', 'waiting-children'],
  active: ['active'],
  finished: ['completed'],
  failed: ['failed'],
};

/** What a job holds; undefined where it is none of ours. */
export function jobIn(found: Pick<BullJob, 'data'>): Job | undefined {
  const parsed = v.safeParse(jobSchema, found.data);
  return parsed.success ? parsed.output : undefined;
}

export function reportOf(found: BullJob<Job, JobResult>, where: JobState): JobReport | undefined {
  const job = jobIn(found);
  const state = found.failedReason === cancelledReason ? 'cancelled' : where;
  if (job === undefined) return undefined;
  const result = v.safeParse(jobResultSchema, found.returnvalue);
  const failure = state === 'finished' || state === 'cancelled' ? undefined : readFailure(found.failedReason);
  return {
    job,
    state,
    failures: state === 'finished' ? 0 : found.attemptsMade,
    ...(failure === undefined ? {} : { failure }),
    ...(result.success && state === 'finished' ? { result: result.output } : {}),
  };
}

/** What is kept of a job that was stopped because it was cancelled. */
export const cancelledReason = 'cancelled';

/** An error as BullMQ keeps it: as a text. */
export function failureText({ code, message }: JobFailure): string {
  return `${code}: ${message}`;
}

function readFailure(text: string | undefined): JobFailure | undefined {
  if (!text) return undefined;
  const [, code, message] = /^([A-Z][A-Z0-9_]+): ([\s\S]*)$/.exec(text) ?? [];
  if (code !== undefined && message !== undefined) return { code, message };
  // BullMQ's own words for a job whose workers ended time and again.
  if (text.includes('stalled'))
    return { code: 'JOB_INTERRUPTED', message: `its workers ended in the middle of it (${text})` };
  return { code: 'UNEXPECTED', message: text };
}
