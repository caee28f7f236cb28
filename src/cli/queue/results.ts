import type { Command } from 'commander';
import { printable } from '../../printable.ts';
import { type JobReport, outputPaths } from '../../queue/job.ts';
import { readOptions } from '../command-options.ts';
import type { Session } from '../session.ts';
import { openQueue } from './open-queue.ts';

export async function showResults(command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'queue results', session);
  const { follow = false, json = false } = options;
  await using queue = await openQueue(options, session, terminal);
  for await (const report of queue.ended({ follow, signal: session.signal }))
    if (report.job.part === undefined) await session.print(`${json ? asJson(report) : asText(report)}\n`);
}

function asText({ job, state, failure }: JobReport): string {
  const name = printable(job.audio.name);
  if (state !== 'finished')
    return `${name}: ${state}${failure === undefined ? '' : ` (${printable(failure.message)})`}`;
  return `${name}: ${outputPaths(job)
    .map(([, path]) => printable(path))
    .join(', ')}`;
}

function asJson({ job, state, failures, failure, result }: JobReport): string {
  return JSON.stringify({
    key: job.key,
    file: job.audio.name,
    state,
    outputs: state === 'finished' ? outputPaths(job).map(([, path]) => path) : [],
    failures,
    ...(failure === undefined ? {} : { error: failure }),
    ...(result === undefined ? {} : { result }),
  });
}
