import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openClaims } from '../../model/lock.ts';
import { type JobReport, type JobResult, type JobState, jobStates } from '../job.ts';
import type { JobQueue } from '../queue.ts';
import { openJournalFile } from './journal-file.ts';
import { type JournalEntry, type JournalJob, journalState } from './journal-state.ts';
import { workOn } from './work.ts';

// <folder>/journal.jsonl   what happened, line by line
// <folder>/claims/   a lock file for each job that somebody is at work on

const followMs = 500;

/** What a worker and the commands share: the journal, and what it has come to. */
export interface Journal {
  /** Reads what happened since. */
  refresh(): Promise<JournalRead>;
  append(entries: readonly JournalEntry[], isDurable?: boolean): Promise<void>;
}

export interface JournalRead {
  readonly jobs: ReadonlyMap<string, JournalJob>;
  readonly open: ReadonlyMap<string, JournalJob>;
  readonly lastResult: JobResult | undefined;
}

/**
 * Jobs in a journal on this machine: no server is needed. Several processes may use it at the same time, each may be killed at
 * any moment.
 *
 * @param folder where journal and claims lie
 */
export async function openJournalQueue(folder: string): Promise<JobQueue> {
  const file = openJournalFile(join(folder, 'journal.jsonl'));
  const claims = await openClaims(join(folder, 'claims'));
  let state = journalState();
  const readOn = async (): Promise<JournalRead> => {
    const { entries, isAnew } = await file.readOn();
    if (isAnew) state = journalState();
    for (const entry of entries) state.apply(entry);
    return state;
  };
  let reading: Promise<JournalRead> = Promise.resolve(state);
  const journal: Journal = {
    refresh() {
      // One after the other: two that read at the same time would both apply the same entries.
      reading = reading.then(readOn, readOn);
      return reading;
    },
    append: (entries, isDurable = true) => file.append(entries, isDurable),
  };
  const reports = async () => {
    const [{ jobs }, held] = [await journal.refresh(), await claims.held()];
    return [...jobs.values()].map((each) => reportOf(each, held));
  };
  /** Appends an entry for each of these jobs that is in one of the states. @returns how many these are */
  const change = async (
    what: 'cancelled' | 'again' | 'forgotten',
    keys: readonly string[],
    states: readonly JournalJob['state'][],
  ) => {
    const { jobs } = await journal.refresh();
    const isIn = (key: string) => states.some((state) => jobs.get(key)?.state === state);
    const wholes = new Set(keys.map((key) => jobs.get(key)?.job.part?.of ?? key).filter(isIn));
    // Parts that are to be done again are asked for again.
    const parts = what === 'again' ? [] : [...jobs.values()].filter(({ job }) => wholes.has(job.part?.of ?? ''));
    const partKeys = parts.map(({ job }) => job.key).filter(isIn);
    await journal.append([...wholes, ...partKeys].map((key) => ({ what, key })));
    return wholes.size;
  };
  return {
    place: folder,
    async add(jobs) {
      const before = await journal.refresh();
      const isNew = (key: string) => ['cancelled', undefined].includes(before.jobs.get(key)?.state);
      const added = jobs.filter(({ key }) => isNew(key));
      await journal.append(added.map((job) => ({ what: 'added', job })));
      return new Set(added.map(({ key }) => key)).size;
    },
    async counts() {
      const counts = { waiting: 0, active: 0, finished: 0, failed: 0, cancelled: 0 };
      for (const { state } of await reports()) counts[state]++;
      return counts;
    },
    async report(key) {
      const found = (await journal.refresh()).jobs.get(key);
      return found === undefined ? undefined : reportOf(found, await claims.held());
    },
    lastResult: async () => (await journal.refresh()).lastResult,
    async *reports(states = jobStates) {
      yield* (await reports()).filter(({ state }) => states.includes(state));
    },
    async *ended({ follow, signal }) {
      const told = new Set<string>();
      for (;;) {
        const all = await reports();
        for (const report of all) {
          const isEnded = report.state !== 'waiting' && report.state !== 'active';
          if (!isEnded) told.delete(report.job.key);
          else if (!told.has(report.job.key)) {
            told.add(report.job.key);
            yield report;
          }
        }
        if (!follow || told.size === all.length) return;
        await sleep(followMs, undefined, { signal });
      }
    },
    cancel: (keys) => change('cancelled', keys, ['open']),
    retry: (keys) => change('again', keys, ['failed', 'cancelled']),
    forget: (keys) => change('forgotten', keys, ['finished', 'failed', 'cancelled']),
    work: (perform, options) => workOn({ journal, claims, perform }, options),
    async [Symbol.asyncDispose]() {},
  };
}

function reportOf({ job, state, failures, begun, failure, result }: JournalJob, held: ReadonlySet<string>): JobReport {
  const isActive = state === 'open' && held.has(job.key);
  const shown: JobState = state === 'open' ? (isActive ? 'active' : 'waiting') : state;
  return { job, state: shown, failures: failures + begun - (isActive ? 1 : 0), failure, result };
}
