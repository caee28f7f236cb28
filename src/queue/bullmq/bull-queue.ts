import type { Job as BullJob } from 'bullmq';
import { type Job, type JobReport, type JobResult, type JobState, jobStates } from '../job.ts';
import type { JobQueue } from '../queue.ts';
import { bullId, bullOptions, bullStates, reportOf } from './bull-job.ts';
import { cancelOne, changeEach, forgetOne, retryOne } from './change-jobs.ts';
import { type Bull, firstAnswer, parseAddress, prefix } from './connection.ts';
import { endedJobs } from './ended-jobs.ts';
import { loadBullMq } from './packages.ts';
import { workOn } from './work.ts';

/** Read at a time. */
const pageSize = 500;

const endStates = ['finished', 'failed'] as const;

/** What a worker and the commands share. */
export interface BullParts {
  readonly jobs: Bull;
  /** Jobs that were cancelled lie in a queue that nobody works on. */
  readonly cancelled: Bull;
  /** Whether every job has come to its end. */
  nothingIsLeft(): Promise<boolean>;
}

/**
 * Jobs in a server, by BullMQ.
 *
 * @param address redis://, rediss:// or postgres://
 * @throws JobError where packages are missing, or the server cannot be reached
 */
export async function openBullQueue(
  address: string,
  name: string,
  onWarning: (message: string) => void,
): Promise<JobQueue> {
  const { server, shown, connection } = parseAddress(address);
  const bullmq = await loadBullMq(server);
  let problem: Error | undefined;
  let isOpen = false;
  const told = (error: Error) => {
    if (isOpen && problem?.message !== error.message) onWarning(`${shown}: ${error.message}`);
    problem = error;
  };
  const open = (queueName: string): Bull => {
    const opened: Bull = new bullmq.Queue(queueName, { connection: { ...connection }, prefix });
    opened.on('error', told);
    return opened;
  };
  const [jobs, cancelled] = [open(name), open(`${name}-cancelled`)];
  const close = async () => {
    await Promise.allSettled([jobs.close(), cancelled.close()]);
  };
  try {
    await firstAnswer(Promise.all([jobs.waitUntilReady(), cancelled.waitUntilReady()]), shown, () => problem);
  } catch (error) {
    // One that never answered cannot be said goodbye to.
    void close();
    throw error;
  }
  isOpen = true;
  const parts: BullParts = {
    jobs,
    cancelled,
    nothingIsLeft: async () => (await jobs.getJobCountByTypes(...bullStates.waiting, ...bullStates.active)) === 0,
  };
  return {
    place: `${shown} (${name})`,
    counts: () => countsOf(parts),
    add: (added) => addJobs(added, parts),
    report: (key) => reportOn(key, parts),
    async lastResult() {
      const [last] = await parts.jobs.getJobs(['completed'], 0, 0, false);
      return last && reportOf(last, 'finished')?.result;
    },
    reports: (states = jobStates) => reportsIn(states, parts),
    ended: (options) => endedJobs(parts, () => reportsIn([...endStates, 'cancelled'], parts), eventsOf, options),
    cancel: (keys) => changeEach(keys, parts, cancelOne),
    retry: (keys) => changeEach(keys, parts, retryOne),
    forget: (keys) => changeEach(keys, parts, forgetOne),
    work: (perform, options) => workOn({ bullmq, connection, name, parts, perform, told }, options),
    [Symbol.asyncDispose]: close,
  };

  function eventsOf() {
    const events = new bullmq.QueueEvents(name, { connection: { ...connection }, prefix });
    events.on('error', told);
    return events;
  }
}

async function countsOf({ jobs, cancelled }: BullParts): Promise<Record<JobState, number>> {
  const [found, parked] = await Promise.all([
    jobs.getJobCounts(...Object.values(bullStates).flat()),
    cancelled.count(),
  ]);
  const sum = (state: keyof typeof bullStates) =>
    bullStates[state].reduce((total, name) => total + (found[name] ?? 0), 0);
  return {
    waiting: sum('waiting'),
    active: sum('active'),
    finished: sum('finished'),
    failed: sum('failed'),
    cancelled: parked,
  };
}

async function addJobs(jobs: readonly Job[], { jobs: queue, cancelled }: BullParts): Promise<number> {
  const distinct = [...new Map(jobs.map((job) => [job.key, job])).values()];
  const states = await Promise.all(distinct.map(({ key }) => queue.getJobState(bullId(key))));
  const added = distinct.filter((_, i) => states[i] === 'unknown');
  await Promise.all(added.map(({ key }) => cancelled.remove(bullId(key))));
  // One that somebody else adds just now stays what it is.
  await queue.addBulk(added.map((job) => ({ name: 'recording', data: job, opts: bullOptions(job) })));
  return added.length;
}

/** In no order; one that changes its state meanwhile comes once. */
async function* reportsIn(states: readonly JobState[], { jobs, cancelled }: BullParts): AsyncGenerator<JobReport> {
  const told = new Set<string>();
  for (const state of states) {
    const [queue, types] = state === 'cancelled' ? [cancelled, bullStates.waiting] : [jobs, bullStates[state]];
    for (const type of types) {
      for (let start = 0; ; start += pageSize) {
        const page: (BullJob<Job, JobResult> | undefined)[] = await queue.getJobs(
          [type],
          start,
          start + pageSize - 1,
          true,
        );
        for (const found of page) {
          const report = found === undefined ? undefined : reportOf(found, state);
          if (report === undefined || told.has(report.job.key)) continue;
          told.add(report.job.key);
          yield report;
        }
        if (page.length < pageSize) break;
      }
    }
  }
}

async function reportOn(key: string, { jobs, cancelled }: BullParts): Promise<JobReport | undefined> {
  const id = bullId(key);
  const [parked, found] = await Promise.all([cancelled.getJob(id), jobs.getJob(id)]);
  if (parked !== undefined) return reportOf(parked, 'cancelled');
  if (found === undefined) return undefined;
  const type = await found.getState();
  const state = (Object.keys(bullStates) as (keyof typeof bullStates)[]).find((name) =>
    (bullStates[name] as readonly string[]).includes(type),
  );
  // One that goes just now is in no state.
  return state === undefined ? undefined : reportOf(found, state);
}
