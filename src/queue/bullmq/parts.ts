import type { Job as BullJob } from 'bullmq';
import type { Job, JobResult } from '../job.ts';
import { bullId, bullOptions, bullPriority } from './bull-job.ts';
import type { BullParts } from './bull-queue.ts';
import type { Bull } from './connection.ts';

type Found = BullJob<Job, JobResult>;

/**
 * Adds the parts of a job that is being done as its children in BullMQ. Those that had come to their end are begun again.
 *
 * @returns why one of them failed: then none was added
 */
export async function addParts(whole: Found, parts: readonly Job[], { jobs, cancelled }: BullParts) {
  const { id, queueQualifiedName: queue } = whole;
  if (id === undefined) throw new Error('a job that is being done has an id');
  const states = await Promise.all(parts.map(({ key }) => jobs.getJobState(bullId(key))));
  const failed = parts.find((_, i) => states[i] === 'failed');
  if (failed !== undefined) return (await jobs.getJob(bullId(failed.key)))?.failedReason;
  for (const [i, { key }] of parts.entries()) {
    if (states[i] === 'completed') await jobs.remove(bullId(key));
    await cancelled.remove(bullId(key));
  }
  await whole.changePriority({ priority: bullPriority(whole.data, true) });
  // It comes again when the last of them has ended, however that was.
  const child = { parent: { id, queue }, ignoreDependencyOnFailure: true };
  await jobs.addBulk(parts.map((job) => ({ name: 'part', data: job, opts: { ...bullOptions(job), ...child } })));
  return undefined;
}

/** The parts of a job that have not ended. */
export async function partsLeft(whole: Found): Promise<string[]> {
  return idsIn((await whole.getDependencies()).unprocessed ?? []);
}

/** Forgets those parts of a job that failed, so that they are added anew when it is done. */
export async function forgetFailedParts(whole: Found, jobs: Bull): Promise<void> {
  for (const id of idsIn(Object.keys((await whole.getIgnoredChildrenFailures()) ?? {})))
    if ((await jobs.getJobState(id)) === 'failed') await jobs.remove(id);
}

/** BullMQ names children by their queues, too. */
function idsIn(names: readonly string[]): string[] {
  return names.map((name) => name.slice(name.lastIndexOf(':') + 1));
}
