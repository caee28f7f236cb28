import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import type { Job } from '../../queue/job.ts';
import type { JobQueue } from '../../queue/queue.ts';
import { readOptions } from '../command-options.ts';
import type { Session } from '../session.ts';
import { placeOf } from '../transcribe/batch/jobs.ts';
import { openQueue } from './open-queue.ts';

const done = { cancel: 'cancelled', retry: 'to be tried again' } as const;

/** Cancels jobs, or has them tried again. */
export async function changeJobs(
  what: 'cancel' | 'retry',
  args: readonly string[],
  command: Command,
  session: Session,
): Promise<void> {
  const { options, terminal } = readOptions(command, `queue ${what}`, session);
  if (args.length === 0 && !options.all) {
    throw new UsageError('JOBS_NEEDED', `nobody said which jobs to ${what}`, {
      hint: 'name keys of jobs or paths of recordings, or take all with --all; queue status lists what failed',
    });
  }
  await using queue = await openQueue(options, session, terminal);
  const keys = await keysOf(queue, args, options.all === true);
  const count = await queue[what](keys);
  if (options.json) await session.print(`${JSON.stringify({ queue: queue.place, [what]: count })}\n`);
  terminal.note(`${done[what]}: ${count}`);
}

/** @throws UsageError ('JOB_UNKNOWN') for what names no job */
async function keysOf(queue: JobQueue, args: readonly string[], isAll: boolean): Promise<string[]> {
  const jobs: Job[] = [];
  for await (const { job } of queue.reports()) jobs.push(job);
  if (isAll) return jobs.map(({ key }) => key);
  return args.flatMap((arg) => {
    const isMeant = ({ key, audio }: Job) =>
      (/^[0-9a-f]{6,}$/.test(arg) && key.startsWith(arg)) || audio.path === placeOf(arg);
    const meant = jobs.filter(isMeant);
    if (meant.length > 0) return meant.map(({ key }) => key);
    throw new UsageError('JOB_UNKNOWN', `no job of this queue is called ${arg} or of that recording`, {
      hint: 'queue results --json lists the keys of what has ended, queue status --json of what failed',
    });
  });
}
