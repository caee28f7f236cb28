import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { hashFile } from '../../audio/hash-file.ts';
import { UsageError, WhisperNpuError } from '../../errors.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { type Job, jobKey } from '../../queue/job.ts';
import { openJobFiles, type Remote } from '../../queue/job-files.ts';
import { wishesOf } from '../../queue/job-options.ts';
import type { S3Object } from '../../queue/s3/objects.ts';
import { readOptions } from '../command-options.ts';
import { exitCode } from '../exit-codes.ts';
import { errorJson, printError } from '../report-error.ts';
import type { Session } from '../session.ts';
import type { Input } from '../transcribe/batch/inputs.ts';
import { type Job as PlannedJob, placeOf, planJobs } from '../transcribe/batch/jobs.ts';
import { directoryNeeded } from '../transcribe/output-settings.ts';
import { version } from '../version.ts';
import { openQueue } from './open-queue.ts';
import { type QueueInput, queueInputs } from './queue-inputs.ts';
import { remoteOf } from './remote.ts';

type Options = CommandOptions<'queue add'>;

/** Written to the queue together: one wait for the disk, or one round trip, for so many. */
const jobsAtOnce = 500;

export async function addJobs(args: readonly string[], command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'queue add', session);
  const { outputDir, format = ['txt'], json = false } = options;
  if (outputDir === undefined) throw directoryNeeded('workers write files, and nobody said where');
  const remote = remoteOf(session.env, 1);
  const inputs = await queueInputs(args, options.filesFrom, remote, session, terminal);
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
      if (await isFinished(each, remote)) counts.finished++;
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

/** Whether there is nothing left to do. */
async function isFinished({ input, outputs }: PlannedJob, remote: Remote): Promise<boolean> {
  if (input.failure !== undefined || input.path === '-') return false;
  const places = [...outputs.values()].map(placeOf);
  const about = { audio: { ...audioOf(input), sha256: '', sizeBytes: 0 }, outputs: Object.fromEntries(outputs) };
  await using files = await openJobFiles(about, remote);
  return files.areCurrent(places);
}

/** @throws AudioError where there is no such recording; UsageError for what is none that a worker could open */
async function jobOf({ input, outputs }: PlannedJob, options: Options, signal: AbortSignal): Promise<Job> {
  if (input.failure !== undefined) throw input.failure;
  const { object }: QueueInput = input;
  if (object === undefined) await checkIsFile(input);
  const content = object === undefined ? await hashFile(input.path, signal) : hashOf(object);
  const job = {
    audio: { ...audioOf(input), ...content },
    outputs: Object.fromEntries([...outputs].map(([format, output]) => [format, placeOf(output)])),
    options: wishesOf(options),
    priority: options.priority,
    attempts: options.attempts,
    version,
    ...(options.split === true ? { split: true as const } : {}),
  };
  return { key: jobKey(job), ...job };
}

function audioOf(input: QueueInput) {
  const { path, object } = input;
  const inS3 = object === undefined ? {} : { object: { etag: object.etag, changedMs: object.changedMs } };
  return { path: placeOf(path), name: path, ...inS3 };
}

/** An object is not fetched to be hashed: S3 has said which content it is. */
function hashOf({ etag, sizeBytes }: S3Object) {
  return { sha256: createHash('sha256').update(`s3 ${etag} ${sizeBytes}`).digest('hex'), sizeBytes };
}

async function checkIsFile({ path }: Input): Promise<void> {
  const status = path === '-' ? undefined : await stat(path).catch(() => undefined);
  const isOther = path === '-' || (status !== undefined && !status.isFile() && !status.isDirectory());
  if (!isOther) return; // opening it tells what else there is
  throw new UsageError('JOB_NEEDS_FILE', `${path === '-' ? 'stdin' : path} cannot be added to a queue: it is no file`, {
    hint: 'write it to a file first, which workers can open as often as they need',
  });
}
