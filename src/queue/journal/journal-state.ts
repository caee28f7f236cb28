import * as v from 'valibot';
import { type Job, type JobFailure, type JobResult, jobFailureSchema, jobResultSchema, jobSchema } from '../job.ts';

const key = v.string();
const entrySchema = v.variant('what', [
  v.object({ what: v.literal('added'), job: jobSchema }),
  v.object({ what: v.literal('begun'), key }),
  v.object({ what: v.literal('finished'), key, result: jobResultSchema }),
  v.object({
    what: v.literal('failed'),
    key,
    failure: jobFailureSchema,
    /** Time of day before which it is not tried again; absent where it is not at all. */
    restsUntilMs: v.optional(v.number()),
  }),
  /** It waits for these, which are begun again where they had come to an end. */
  v.object({ what: v.literal('split'), key, parts: v.array(jobSchema) }),
  /** Given back as if it had not been begun. */
  v.object({ what: v.literal('released'), key }),
  v.object({ what: v.literal('cancelled'), key }),
  v.object({ what: v.literal('again'), key }),
  v.object({ what: v.literal('forgotten'), key }),
]);

/** A thing that happened. */
export type JournalEntry = v.InferOutput<typeof entrySchema>;

/** A job as the journal has it. */
export interface JournalJob {
  readonly job: Job;
  /** Which of them all it is; a part has its whole's place. */
  readonly order: number;
  state: 'open' | 'finished' | 'failed' | 'cancelled';
  failures: number;
  /** How often it was begun without any word of its end. */
  begun: number;
  restsUntilMs: number;
  /** The keys of the jobs that it waits for. */
  parts?: readonly string[] | undefined;
  failure?: JobFailure | undefined;
  result?: JobResult | undefined;
}

export interface JournalState {
  readonly jobs: ReadonlyMap<string, JournalJob>;
  /** Those that are not at their end. */
  readonly open: ReadonlyMap<string, JournalJob>;
  /** Of the job that was finished last. */
  readonly lastResult: JobResult | undefined;
  apply(entry: unknown): void;
}

const untried = { state: 'open', failures: 0, begun: 0, restsUntilMs: 0 } as const;

/** What the entries of a journal come to, one after the other. An entry of another version, or about no job, changes nothing. */
export function journalState(): JournalState {
  const jobs = new Map<string, JournalJob>();
  const open = new Map<string, JournalJob>();
  let nAdded = 0;
  let lastResult: JobResult | undefined;
  const reopen = (found: JournalJob) => {
    Object.assign(found, { ...untried, failure: undefined, parts: undefined });
    open.set(found.job.key, found);
  };
  const end = (found: JournalJob, how: Partial<JournalJob>) => {
    Object.assign(found, { begun: 0, ...how });
    open.delete(found.job.key);
  };
  const add = (job: Job, order = nAdded++) => {
    const before = jobs.get(job.key);
    if (before?.state === 'cancelled') reopen(before);
    if (before !== undefined) return;
    const added: JournalJob = { job, order, ...untried };
    jobs.set(job.key, added);
    open.set(job.key, added);
  };
  const split = (found: JournalJob, parts: readonly Job[]) => {
    Object.assign(found, { begun: 0, parts: parts.map((part) => part.key) });
    for (const part of parts) {
      const before = jobs.get(part.key);
      if (before === undefined) add(part, found.order);
      else if (before.state !== 'open') reopen(before);
    }
  };
  const change = (entry: Exclude<JournalEntry, { what: 'added' }>, found: JournalJob) => {
    switch (entry.what) {
      case 'begun':
        found.begun++;
        break;
      case 'finished':
        lastResult = entry.result;
        end(found, { state: 'finished', result: entry.result, failure: undefined });
        break;
      case 'failed':
        if (found.state !== 'open') break; // cancelled meanwhile, or finished by another worker
        Object.assign(found, { failure: entry.failure, failures: found.failures + 1, begun: 0 });
        if (entry.restsUntilMs === undefined) end(found, { state: 'failed' });
        else found.restsUntilMs = entry.restsUntilMs;
        break;
      case 'split':
        if (found.state === 'open') split(found, entry.parts); // else cancelled meanwhile
        break;
      case 'released':
        found.begun = Math.max(0, found.begun - 1);
        break;
      case 'cancelled':
        if (found.state === 'open') end(found, { state: 'cancelled' });
        break;
      case 'again':
        if (found.state !== 'open') reopen(found);
        break;
      case 'forgotten':
        if (found.state !== 'open') jobs.delete(entry.key);
        break;
    }
  };
  return {
    jobs,
    open,
    get lastResult() {
      return lastResult;
    },
    apply(line) {
      const parsed = v.safeParse(entrySchema, line);
      if (!parsed.success) return;
      const entry = parsed.output;
      if (entry.what === 'added') return add(entry.job);
      const found = jobs.get(entry.key);
      if (found !== undefined) change(entry, found);
    },
  };
}

/** What became of the part for whose sake a job cannot be done. */
export function failedPart({ parts = [] }: JournalJob, jobs: JournalState['jobs']): JournalJob | undefined {
  return parts.map((key) => jobs.get(key)).find((part) => part?.state === 'failed');
}

/**
 * The job to do next: of those with the highest priority one that was tried least, so that one which ends whoever begins it does
 * not stand before all others; of these the first that was added. One waits for its parts.
 *
 * @param isFree whether nobody is at work on it
 */
export function nextJob(
  open: ReadonlyMap<string, JournalJob>,
  isFree: (key: string) => boolean,
  nowMs: number,
): JournalJob | undefined {
  let best: JournalJob | undefined;
  for (const each of open.values()) {
    if (each.restsUntilMs > nowMs || (best !== undefined && !comesBefore(each, best))) continue;
    if (isFree(each.job.key) && !each.parts?.some((key) => open.has(key))) best = each;
  }
  return best;
}

function comesBefore(a: JournalJob, b: JournalJob): boolean {
  if (a.job.priority !== b.job.priority) return a.job.priority > b.job.priority;
  const tries = (each: JournalJob) => each.failures + each.begun;
  return tries(a) === tries(b) ? a.order < b.order : tries(a) < tries(b);
}
