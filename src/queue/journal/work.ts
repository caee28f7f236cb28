import { JobError } from '../../errors.ts';
import type { Claims, Lock } from '../../model/lock.ts';
import { failureOf, isAboutJob } from '../failure.ts';
import type { Job, JobReport } from '../job.ts';
import { mostInterruptions, type Perform, restMs, type WorkOptions } from '../queue.ts';
import { waker } from '../waker.ts';
import type { Journal } from './journal-queue.ts';
import { failedPart, type JournalEntry, type JournalJob, nextJob } from './journal-state.ts';

/** How often a worker looks for what is new: jobs, those that were cancelled, and those whose workers have ended. */
const lookMs = 500;

export interface WorkParts {
  readonly journal: Journal;
  readonly claims: Claims;
  readonly perform: Perform;
}

/** A job in hand. */
interface Hand {
  readonly job: Job;
  readonly lock: Lock;
  readonly stop: AbortController;
}

/** Claims jobs one after the other and does them. The entry about the end of a job is on the disk before its claim is let go. */
export async function workOn(parts: WorkParts, options: WorkOptions): Promise<void> {
  const { journal } = parts;
  const hands = new Map<string, Hand>();
  const wake = waker();
  let fatal: { readonly error: unknown } | undefined;
  const begin = (hand: Hand) => {
    hands.set(hand.job.key, hand);
    tryJob(hand, parts, options)
      .catch((error: unknown) => {
        fatal ??= { error };
      })
      .finally(() => {
        hands.delete(hand.job.key);
        wake.now();
      });
  };
  options.draining.addEventListener('abort', wake.now);
  try {
    for (;;) {
      const { jobs, open } = await journal.refresh();
      for (const [key, { stop }] of hands)
        if (jobs.get(key)?.state === 'cancelled') stop.abort(new DOMException('the job was cancelled', 'AbortError'));
      const isEnding = options.draining.aborted || fatal !== undefined;
      while (!isEnding && options.isHeld?.() !== true && hands.size < options.concurrency) {
        const hand = await claimNext(parts, hands);
        if (hand === undefined) break;
        begin(hand);
      }
      if (hands.size === 0 && (isEnding || (options.untilEmpty && open.size === 0))) break;
      await wake.within(lookMs);
    }
  } finally {
    options.draining.removeEventListener('abort', wake.now);
  }
  if (fatal !== undefined) throw fatal.error;
}

/** @returns undefined where there is nothing to do now */
async function claimNext({ journal, claims }: WorkParts, hands: ReadonlyMap<string, Hand>): Promise<Hand | undefined> {
  const taken = new Set([...(await claims.held()), ...hands.keys()]);
  for (;;) {
    const { open } = await journal.refresh();
    const next = nextJob(open, (key) => !taken.has(key), Date.now());
    if (next === undefined) return undefined;
    const { key } = next.job;
    taken.add(key); // whatever comes of it, it is not tried again at once
    const lock = await claims.take(key);
    if (lock === undefined) continue;
    // Whoever had it until now may have come to its end.
    const { jobs, open: left } = await journal.refresh();
    const now = left.get(key);
    const isWaiting = now === undefined || now.restsUntilMs > Date.now() || now.parts?.some((part) => left.has(part));
    const entry = isWaiting ? undefined : opening(now, failedPart(now, jobs));
    if (entry !== undefined) await journal.append([entry], entry.what === 'failed');
    if (entry?.what === 'begun') return { job: next.job, lock, stop: new AbortController() };
    await lock.release();
  }
}

/** What is noted before a job is begun; it fails where a part of it has, or where it has ended too many workers. */
function opening(found: JournalJob, failed: JournalJob | undefined): JournalEntry {
  const { key } = found.job;
  if (failed?.failure !== undefined) return { what: 'failed', key, failure: failed.failure };
  if (found.begun < mostInterruptions) return { what: 'begun', key };
  const message = `${mostInterruptions} workers ended in the middle of ${found.job.audio.name}`;
  return { what: 'failed', key, failure: failureOf(new JobError('JOB_INTERRUPTED', message)) };
}

/** @throws what is not about the job */
async function tryJob({ job, lock, stop }: Hand, { journal, perform }: WorkParts, options: WorkOptions): Promise<void> {
  const { key } = job;
  const lose = () => stop.abort(lock.signal.reason);
  lock.signal.addEventListener('abort', lose);
  try {
    const result = await perform(job, stop.signal);
    if ('parts' in result) {
      await journal.append([{ what: 'split', key, parts: [...result.parts] }]);
      options.onTried?.({ job, state: 'waiting', failures: 0, nParts: result.parts.length });
      return;
    }
    await journal.append([{ what: 'finished', key, result }]);
    options.onTried?.({ job, state: 'finished', failures: 0, result });
  } catch (error) {
    // Cancelled, or somebody else has it now: there is nothing to say about it.
    if (stop.signal.aborted) return;
    if (!isAboutJob(error)) {
      await journal.append([{ what: 'released', key }]);
      if (options.isHeld?.() === true) return;
      throw error;
    }
    const report = await fail(job, error, journal);
    options.onTried?.(report);
  } finally {
    lock.signal.removeEventListener('abort', lose);
    await lock.release();
  }
}

async function fail(job: Job, error: unknown, journal: Journal): Promise<JobReport> {
  const { key, attempts } = job;
  const failures = ((await journal.refresh()).open.get(key)?.failures ?? 0) + 1;
  const failure = failureOf(error);
  const rest = failures < attempts ? { restsUntilMs: Date.now() + restMs(failures) } : {};
  await journal.append([{ what: 'failed', key, failure, ...rest }]);
  return { job, state: failures < attempts ? 'waiting' : 'failed', failures, failure };
}
