import type { Command } from 'commander';
import { printable } from '../../printable.ts';
import { type JobReport, jobStates } from '../../queue/job.ts';
import { readOptions } from '../command-options.ts';
import type { Session } from '../session.ts';
import { table } from '../table.ts';
import { openQueue } from './open-queue.ts';

/** Of more failed jobs only the number is told; `--json` tells of all. */
const mostShown = 20;
const keyLength = 12;

export async function showStatus(command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'queue status', session);
  await using queue = await openQueue(options, session, terminal);
  const counts = await queue.counts();
  const failed: JobReport[] = [];
  // What became of a part is said of its whole.
  for await (const report of queue.reports(['failed']))
    if (report.failure !== undefined && report.job.part === undefined) failed.push(report);
  if (options.json) {
    const troubled = failed.map(({ job, state, failures, failure }) => ({
      key: job.key,
      file: job.audio.name,
      state,
      failures,
      error: failure,
    }));
    return session.print(`${JSON.stringify({ queue: queue.place, ...counts, failures: troubled })}\n`);
  }
  await session.print(`${printable(queue.place)}\n\n`);
  await session.print(
    table(
      ['state', 'jobs'],
      jobStates.map((state) => [state, String(counts[state])]),
      [1],
    ),
  );
  if (failed.length === 0) return;
  const rows = failed
    .slice(0, mostShown)
    .map(({ job, state, failure }) => [
      job.key.slice(0, keyLength),
      state,
      failure?.code ?? '',
      reason(failure?.message),
    ]);
  await session.print(`\n${table(['job', 'state', 'code', 'what failed last'], rows)}`);
  if (failed.length > mostShown) await session.print(`and ${failed.length - mostShown} more (--json lists all)\n`);
}

function reason(message = ''): string {
  return printable(message.split('\n', 1)[0] ?? '');
}
