import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hashFile } from '../../audio/hash-file.ts';
import { UsageError, WhisperNpuError } from '../../errors.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { type Job, jobKey } from '../../queue/job.ts';
import { wishesOf } from '../../queue/job-options.ts';
import { readOptions } from '../command-options.ts';
import { exitCode } from '../exit-codes.ts';
import { errorJson, printError } from '../report-error.ts';
import type { Session } from '../session.ts';
import type { Input } from '../transcribe/batch/inputs.ts';
import { isFinished, type Job as PlannedJob, planJobs } from '../transcribe/batch/jobs.ts';
import { namedInputs } from '../transcribe/batch/named-inputs.ts';
import { directoryNeeded } from '../transcribe/output-settings.ts';
import { openQueue } from './open-queue.ts';

type Options = CommandOptions<'queue add'>;

/** Written to the queue together: one wait for the disk, or one round trip, for so many. */
const jobsAtOnce = 500;

export async function addJobs(args: readonly string[], command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'queue add', session);
  const { outputDir, format = ['txt'], json = false } = options;
  if (outputDir === undefined) throw directoryNeeded('workers write files, and nobody said where');
  const inputs = await namedInputs(args, options.filesFrom, session, terminal);
  const planned = planJobs(inputs, outputDir, format);
  await using queue = await openQueue(options, session, terminal);
  const counts = { added: 0, known: 0, finished: 0, failed: 0 };
  let batch: Job[] = [];
  const flush = async () => {
    const added = await queue.add(batch);
    counts.added += added;
    counts.known += batch.length - added;
    batch = [];
  };
  for (const [i, each] of planned.entries()) {
    session.signal.throwIfAborted();
    terminal.status(() => ({ share: i / planned.length, text: `${i} of ${planned.length}`, name: each.input.path }));
    try {
      if (await isFinished(each)) counts.finished++;
      else batch.push(await jobOf(each, options, session.signal));
    } catch (error) {
      if (!(error instanceof WhisperNpuError)) throw error;
      counts.failed++;
      printError(error, session.stderr);
      if (json) await session.print(`${errorJson(error, each.input.path)}\n`);
    }
    if (batch.length === jobsAtOnce) await flush();
  }
  await flush();
  terminal.endProgress();
  if (json) await session.print(`${JSON.stringify({ queue: queue.place, ...counts })}\n`);
  terminal.note(summary(counts));
  if (counts.failed > 0) process.exitCode = exitCode.failed;
}

function summary({
  added,
  known,
  finished,
  failed,
}: Readonly<Record<'added' | 'known' | 'finished' | 'failed', number>>) {
  const others = [
    [known, 'in the queue already'],
    [finished, 'finished already'],
    [failed, 'that cannot be read'],
  ] as const;
  const parts = others.flatMap(([count, what]) => (count === 0 ? [] : [`, ${count} ${what}`]));
  return `added: ${added}${parts.join('')}`;
}

/** @throws AudioError where there is no such recording; UsageError for what is none that a worker could open */
async function jobOf({ input, outputs }: PlannedJob, options: Options, signal: AbortSignal): Promise<Job> {
  if (input.failure !== undefined) throw input.failure;
  await checkIsFile(input);
  const path = resolve(input.path);
  const { sha256, sizeBytes } = await hashFile(input.path, signal);
  const job = {
    audio: { path, name: input.path, sha256, sizeBytes },
    outputs: Object.fromEntries([...outputs].map(([format, output]) => [format, resolve(output)])),
    options: wishesOf(options),
    priority: options.priority,
    attempts: options.attempts,
    ...(options.split === true ? { split: true as const } : {}),
  };
  return { key: jobKey(job), ...job };
}

async function checkIsFile({ path }: Input): Promise<void> {
  const status = path === '-' ? undefined : await stat(path).catch(() => undefined);
  const isOther = path === '-' || (status !== undefined && !status.isFile() && !status.isDirectory());
  if (!isOther) return; // opening it tells what else there is
  throw new UsageError('JOB_NEEDS_FILE', `${path === '-' ? 'stdin' : path} cannot be added to a queue: it is no file`, {
    hint: 'write it to a file first, which workers can open as often as they need',
  });
}
