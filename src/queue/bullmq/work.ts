import type { Job as BullJob, Worker } from 'bullmq';
import { JobError } from '../../errors.ts';
import { failureOf, isAboutJob } from '../failure.ts';
import type { Job, JobResult, Parts } from '../job.ts';
import { mostInterruptions, type Perform, restMs, type WorkOptions } from '../queue.ts';
import { waker } from '../waker.ts';
import { bullId, cancelledReason, failureText, jobIn, reportOf } from './bull-job.ts';
import type { BullParts } from './bull-queue.ts';
import { cancelOne } from './change-jobs.ts';
import { prefix, type ServerAddress } from './connection.ts';
import type { BullMq } from './packages.ts';
import { addParts } from './parts.ts';

/** For how long a worker has a job without renewing its lock, which it does every half of that. Tests have less patience. */
const lockMs = Number(process.env['WHISPER_NPU_QUEUE_LOCK_MS']) || 30_000;
/** How often a worker looks whether what it has in hand was cancelled, and, where it is to end then, whether nothing is left. */
const lookMs = 500;
/** How long a job rests that is given back, so that other workers are faster than the one that could not do it. */
const givenBackMs = 1000;

export interface WorkParts {
  readonly bullmq: BullMq;
  readonly connection: ServerAddress['connection'];
  readonly name: string;
  readonly parts: BullParts;
  readonly perform: Perform;
  told(error: Error): void;
}

type Found = BullJob<Job, JobResult>;

/** What a worker has in hand, by BullMQ's ids. */
type Hands = Map<string, AbortController>;

/** BullMQ fetches jobs and renews their locks, on the main thread; what computes has a thread of its own. */
export async function workOn(work: WorkParts, options: WorkOptions): Promise<void> {
  const hands: Hands = new Map();
  const wake = waker();
  let fatal: { readonly error: unknown } | undefined;
  const fetchNothing = () => {
    worker.pause(true).catch(work.told);
    wake.now();
  };
  const look = () => answerTo(stopCancelled(work.parts, hands), work);
  const nothingIsLeft = () => answerTo(work.parts.nothingIsLeft(), work);
  const fail = (error: unknown) => {
    if (options.isHeld?.() !== true) fatal ??= { error };
    fetchNothing();
  };
  const worker = openWorker(work, options, (found, token) => tryJob(found, token, { work, hands, fail, options }));
  options.draining.addEventListener('abort', fetchNothing);
  let isEnded = false;
  try {
    while (!isEnded) {
      await look();
      if (options.isHeld !== undefined && !options.draining.aborted && fatal === undefined)
        await hold(worker, options.isHeld());
      const isDone = options.untilEmpty && (await nothingIsLeft()) === true;
      isEnded = options.draining.aborted || fatal !== undefined || isDone;
      if (!isEnded) await wake.within(lookMs);
    }
  } finally {
    options.draining.removeEventListener('abort', fetchNothing);
    const watch = setInterval(look, lookMs);
    await worker.close(); // waits for what is in hand
    clearInterval(watch);
  }
  if (fatal !== undefined) throw fatal.error;
}

/** Has a worker fetch nothing while it cannot do anything. What waits meanwhile waits for others too. */
async function hold(worker: Worker<Job, JobResult>, isHeld: boolean): Promise<void> {
  if (isHeld === worker.isPaused()) return;
  if (isHeld) await worker.pause(true);
  else await worker.resume();
}

function openWorker(
  { bullmq, connection, name, told }: WorkParts,
  options: WorkOptions,
  process: (found: Found, token: string | undefined) => Promise<JobResult>,
): Worker<Job, JobResult> {
  const worker = new bullmq.Worker<Job, JobResult>(name, process, {
    connection: { ...connection },
    prefix,
    concurrency: options.concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: mostInterruptions,
    settings: { backoffStrategy: restMs },
  });
  worker.on('error', told);
  worker.on('completed', (found) => tell(found, 'finished', options));
  worker.on('failed', (found) => {
    if (found?.failedReason === cancelledReason) found.remove().catch(told);
    else if (found !== undefined) tell(found, found.finishedOn === undefined ? 'waiting' : 'failed', options);
  });
  return worker;
}

function tell(found: Found, state: 'finished' | 'failed' | 'waiting', { onTried }: WorkOptions): void {
  const report = reportOf(found, state);
  if (report !== undefined) onTried?.(report);
}

interface Trying {
  readonly work: WorkParts;
  readonly hands: Hands;
  readonly options: WorkOptions;
  fail(error: unknown): void;
}

async function tryJob(found: Found, token: string | undefined, trying: Trying): Promise<JobResult> {
  const { work, hands, fail } = trying;
  const { bullmq, perform } = work;
  const id = found.id ?? '';
  const job = jobIn(found);
  if (job === undefined) {
    const error = new JobError('JOB_NOT_UNDERSTOOD', `job ${id} is none that this version knows`);
    throw new bullmq.UnrecoverableError(failureText(failureOf(error)));
  }
  const stop = new AbortController();
  hands.set(id, stop);
  try {
    await answerTo(stopCancelled(work.parts, [[id, stop]]), work);
    stop.signal.throwIfAborted();
    const outcome = await perform(job, stop.signal);
    if (!('parts' in outcome)) return outcome;
    stop.signal.throwIfAborted();
    return await waitForParts({ found, token, job }, outcome, trying);
  } catch (error) {
    if (isWord(error, bullmq)) throw error;
    // It fails here, and lies among those that were cancelled.
    if (stop.signal.aborted) throw new bullmq.UnrecoverableError(cancelledReason);
    if (isAboutJob(error)) throw new Error(failureText(failureOf(error)), { cause: error });
    fail(error);
    await found.moveToDelayed(Date.now() + givenBackMs, token);
    throw new bullmq.DelayedError();
  } finally {
    hands.delete(id);
  }
}

/** What is thrown to say to BullMQ what becomes of a job. */
function isWord(error: unknown, { WaitingChildrenError, DelayedError, UnrecoverableError }: BullMq): boolean {
  return [WaitingChildrenError, DelayedError, UnrecoverableError].some((word) => error instanceof word);
}

/** @throws what says to BullMQ that a job waits for its parts, or that it fails with one of them */
async function waitForParts(
  { found, token, job }: { readonly found: Found; readonly token: string | undefined; readonly job: Job },
  { parts }: Parts,
  { work, options }: Trying,
): Promise<never> {
  const { bullmq } = work;
  const failure = await addParts(found, parts, work.parts);
  if (failure !== undefined) throw new bullmq.UnrecoverableError(failure);
  // Where all have ended already it is not moved, and has to be begun again.
  if (!(await found.moveToWaitingChildren(token ?? ''))) {
    await found.moveToDelayed(Date.now(), token);
    throw new bullmq.DelayedError();
  }
  options.onTried?.({ job, state: 'waiting', failures: 0, nParts: parts.length });
  // Whoever cancelled it meanwhile knew of no parts.
  if ((await work.parts.cancelled.getJobState(bullId(job.key))) !== 'unknown') await cancelOne(job.key, work.parts);
  throw new bullmq.WaitingChildrenError();
}

/** Stops what is in hand and was cancelled. */
async function stopCancelled({ cancelled }: BullParts, hands: Iterable<readonly [string, AbortController]>) {
  for (const [id, stop] of hands) if ((await cancelled.getJobState(id)) !== 'unknown') stop.abort();
}

/** @returns undefined where the server cannot be asked, as it is being started again: who asks the next time hears */
async function answerTo<T>(question: Promise<T>, { told }: WorkParts): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    told(error instanceof Error ? error : new Error(String(error)));
    return undefined;
  }
}
