import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueEvents } from 'bullmq';
import type { JobReport } from '../job.ts';
import { reportOf } from './bull-job.ts';
import type { BullParts } from './bull-queue.ts';

/** How often it is asked whether anything is left. */
const lookMs = 500;

/** Jobs that have come to their end, and with `follow` those that do while somebody listens. */
export async function* endedJobs(
  { jobs, nothingIsLeft }: BullParts,
  ended: () => AsyncIterable<JobReport>,
  openEvents: () => QueueEvents,
  { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
): AsyncGenerator<JobReport> {
  if (!follow) return yield* ended();
  const events = openEvents();
  const heard: string[] = [];
  const told = new Set<string>();
  const hear = ({ jobId }: { jobId: string }) => heard.push(jobId);
  events.on('completed', hear);
  events.on('failed', hear);
  try {
    // Before what has ended is listed, so that nothing falls between.
    await events.waitUntilReady();
    for await (const report of ended()) {
      told.add(report.job.key);
      yield report;
    }
    for (;;) {
      const isLast = await nothingIsLeft();
      for (let id = heard.shift(); id !== undefined; id = heard.shift()) {
        const found = await jobs.getJob(id);
        const state = (await found?.getState()) === 'completed' ? 'finished' : 'failed';
        const report = found && reportOf(found, state);
        if (report === undefined || told.has(report.job.key)) continue;
        told.add(report.job.key);
        yield report;
      }
      if (isLast && heard.length === 0) break;
      await sleep(lookMs, undefined, { signal });
    }
    // What was listed or heard while the last of them ended.
    for await (const report of ended()) if (!told.has(report.job.key)) yield report;
  } finally {
    await events.close();
  }
}
