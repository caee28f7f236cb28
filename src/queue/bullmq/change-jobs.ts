import { bullId, bullOptions } from './bull-job.ts';
import type { BullParts } from './bull-queue.ts';
import type { Bull } from './connection.ts';
import { forgetFailedParts, partsLeft } from './parts.ts';

/** @returns for how many wholes it did something */
export async function changeEach(
  keys: readonly string[],
  parts: BullParts,
  change: (key: string, parts: BullParts) => Promise<boolean>,
): Promise<number> {
  const wholes = new Set<string>();
  for (const key of keys) wholes.add((await anywhere(key, parts))?.data.part?.of ?? key);
  let count = 0;
  for (const key of wholes) if (await change(key, parts)) count++;
  return count;
}

async function anywhere(key: string, { jobs, cancelled }: BullParts) {
  return (await jobs.getJob(bullId(key))) ?? (await cancelled.getJob(bullId(key)));
}

/**
 * Parks a job before it goes, so that it is nowhere lost; one that is being done is stopped by its worker, who looks for that. So is
 * one that waits for a part which is being done: it comes when that has been stopped.
 */
export async function cancelOne(key: string, { jobs, cancelled }: BullParts): Promise<boolean> {
  const id = bullId(key);
  const found = await jobs.getJob(id);
  if (found === undefined || ['completed', 'failed'].includes(await found.getState())) return false;
  await cancelled.add('recording', found.data, bullOptions(found.data));
  for (const part of found.data.split === true ? await partsLeft(found) : []) {
    const left = await jobs.getJob(part);
    if (left === undefined) continue;
    await cancelled.add('part', left.data, bullOptions(left.data));
    await removed(jobs, part);
  }
  if (found.data.split === true && (await partsLeft(found)).length > 0) return true;
  if ((await removed(jobs, id, { removeChildren: false })) || (await jobs.getJobState(id)) !== 'completed') return true;
  await cancelled.remove(id); // it has been faster
  return false;
}

/** Has one that failed or was cancelled wait again. */
export async function retryOne(key: string, { jobs, cancelled }: BullParts): Promise<boolean> {
  const id = bullId(key);
  const parked = await cancelled.getJob(id);
  if (parked !== undefined) {
    await cancelled.remove(id);
    if ((await jobs.getJobState(id)) === 'unknown') await jobs.add('recording', parked.data, bullOptions(parked.data));
    return true;
  }
  const found = await jobs.getJob(id);
  if (found === undefined || (await found.getState()) !== 'failed') return false;
  if (found.data.split === true) await forgetFailedParts(found, jobs);
  await found.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
  return true;
}

/** Has one that is at its end leave the queue, with its parts. */
export async function forgetOne(key: string, { jobs, cancelled }: BullParts): Promise<boolean> {
  const id = bullId(key);
  const state = await jobs.getJobState(id);
  // What was cancelled may still be in somebody's hands, who stops when he finds it among those.
  if (state === 'unknown') return (await cancelled.getJob(id)) !== undefined && removed(cancelled, id);
  return (state === 'completed' || state === 'failed') && removed(jobs, id);
}

const deadlockDetected = '40P01';
const mostDeadlocks = 5;

/**
 * Removes a job. Redis counts one for a whole, PostgreSQL its parts too. Where a worker ends a part meanwhile, PostgreSQL may undo one
 * of the two: then it is tried again.
 *
 * @returns whether there was one that nobody is doing
 */
async function removed(queue: Bull, id: string, options?: { readonly removeChildren: boolean }): Promise<boolean> {
  for (let nDeadlocks = 1; ; nDeadlocks++) {
    try {
      return (await queue.remove(id, options)) > 0;
    } catch (error) {
      if ((error as { code?: unknown }).code !== deadlockDetected || nDeadlocks === mostDeadlocks) throw error;
    }
  }
}
