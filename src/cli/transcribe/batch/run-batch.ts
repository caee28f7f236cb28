import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NpuError, WhisperNpuError } from '../../../errors.ts';
import { isAboutRecording } from '../../../output/files/output-error.ts';
import { removeDeadParts } from '../../../output/files/write-together.ts';
import { allDone } from '../../../pool/all-done.ts';
import { printable } from '../../../printable.ts';
import { exitCode } from '../../exit-codes.ts';
import { errorJson, printError } from '../../report-error.ts';
import type { Session } from '../../session.ts';
import type { Terminal } from '../../terminal.ts';
import { inOrder, type Speaker } from './in-order.ts';
import { isFinished, type Job } from './jobs.ts';
import { type BatchProgress, clock, type FileProgress, followBatch } from './progress.ts';

export interface BatchOptions {
  readonly session: Session;
  readonly terminal: Terminal;
  /** Does again what is finished. */
  readonly overwrite: boolean;
  /** Tells programs on stdout of files that failed or were skipped. */
  readonly json: boolean;
}

interface Failure {
  readonly path: string;
  readonly index: number;
  readonly error: unknown;
}

/** A job that was broken off. */
interface Broken {
  readonly job: Job;
  readonly index: number;
  readonly position: FileProgress['position'];
  readonly error: unknown;
}

/**
 * Leaves out what is finished, and says how much that is.
 *
 * @returns the jobs that are still to be done
 */
export async function pendingJobs(jobs: readonly Job[], options: BatchOptions): Promise<readonly Job[]> {
  const { session, terminal, overwrite, json } = options;
  await removeRemains(jobs);
  if (overwrite) return jobs;
  const pending: Job[] = [];
  for (const job of jobs) {
    if (!(await isFinished(job))) pending.push(job);
    else if (json) await session.print(`${skippedJson(job)}\n`);
  }
  const nFinished = jobs.length - pending.length;
  if (nFinished > 0) {
    const what = jobs.length === 1 ? `${jobs[0]?.input.path} is` : `${nFinished} of ${jobs.length} files are`;
    terminal.note(`${what} finished already and skipped (--overwrite does finished ones again)`);
  }
  return pending;
}

/** What somebody who does a job is given. */
export interface JobTurn {
  readonly job: Job;
  readonly progress: FileProgress;
  /** Says on stdout what belongs to the job, when its turn comes. */
  readonly speaker: Pick<Speaker, 'say'>;
  /** Aborted where the batch ends before the job does. */
  readonly signal: AbortSignal;
}

/**
 * Works through jobs, one or several at a time. One that fails is reported and does not stop the others, unless they would fail
 * likewise. What they say comes in the jobs' order. Where there is a single file, its error is thrown.
 *
 * @param nFiles how many there are with those that are finished already
 * @param atATime how many jobs are done at a time
 * @param perform does one job
 */
export async function runBatch(
  pending: readonly Job[],
  nFiles: number,
  { session, terminal, overwrite, json }: BatchOptions,
  atATime: number,
  perform: (turn: JobTurn, status: BatchProgress['status']) => Promise<void>,
): Promise<void> {
  const progress = followBatch(await Promise.all(pending.map(withSize)));
  const stopping = new AbortController();
  const signal = AbortSignal.any([session.signal, stopping.signal]);
  const speakerOfNext = inOrder(signal);
  const failures: Failure[] = [];
  const broken: Broken[] = [];
  let nBegun = 0;
  let nDone = 0;

  async function doNext(): Promise<void> {
    const index = nBegun++;
    const job = pending[index] as Job;
    const [own, speaker] = [progress.next(), speakerOfNext()];
    let isWhole = true;
    try {
      // Another process may be at work on the same files.
      if (overwrite || index === 0 || !(await isFinished(job))) {
        await perform({ job, progress: own, speaker, signal }, progress.status);
        nDone++;
      }
    } catch (error) {
      const { position } = own;
      if (signal.aborted || nFiles === 1 || !isAboutRecording(error)) {
        broken.push({ job, index, position, error });
        isWhole = false;
        stopping.abort(error);
        return;
      }
      if (error instanceof WhisperNpuError) error.file = job.input.path;
      failures.push({ path: job.input.path, index, error });
      terminal.endProgress();
      printError(error, session.stderr);
      if (json) await speaker.say(() => session.print(`${errorJson(error, job.input.path)}\n`));
    } finally {
      own.end();
      await speaker.end(isWhole);
    }
  }
  const work = async () => {
    while (nBegun < pending.length && !signal.aborted) await doNext();
  };
  await allDone(Array.from({ length: Math.min(atATime, pending.length) }, work));
  failures.sort((a, b) => a.index - b.index);
  const [cause] = broken;
  if (cause !== undefined) {
    broken.sort((a, b) => a.index - b.index);
    if (session.signal.aborted || nFiles > 1) {
      const stopped = { broken, nPending: pending.length, nDone, hasDone: nDone > 0 || pending.length < nFiles };
      terminal.warn(stoppedText(stopped, overwrite));
      if (isLostDevice(cause.error)) terminal.warn(lostText(pending.length - nDone - failures.length));
      tellFailures(failures, nFiles, terminal);
    }
    // Before a recording is begun, what stops all is about the model or the device.
    const isAboutFile = cause.position !== undefined || isAboutRecording(cause.error);
    if (cause.error instanceof WhisperNpuError && isAboutFile) cause.error.file = cause.job.input.path;
    if (json && !session.signal.aborted) {
      const others = broken.filter((each) => each !== cause).map(({ job }) => job);
      for (const { input } of [...others, ...pending.slice(nBegun)])
        await session.print(`${notTriedJson(input.path)}\n`);
    }
    throw cause.error;
  }
  if (nFiles > 1) terminal.note(summaryText(nDone, nFiles - nDone - failures.length, failures.length));
  tellFailures(failures, nFiles, terminal);
  if (failures.length > 0) process.exitCode = exitCode.failed;
}

/** Removes what killed runs left beside outputs. */
async function removeRemains(jobs: readonly Job[]): Promise<void> {
  const folders = new Set(jobs.flatMap(({ outputs }) => [...outputs.values()].map((path) => dirname(path))));
  for (const folder of folders) await removeDeadParts(folder);
}

/** After these the device answers nothing more in this process. */
function isLostDevice(error: unknown): boolean {
  return error instanceof NpuError && (error.code === 'NPU_DEVICE_LOST' || error.code === 'NPU_TIMEOUT');
}

function lostText(nLeft: number): string {
  const left = nLeft === 1 ? 'one file is' : `${nLeft} files are`;
  return `the NPU has failed, and ${left} left: another run opens it anew, and --device cpu does without it`;
}

async function withSize({ input: { path } }: Job) {
  const status = path === '-' ? undefined : await stat(path).catch(() => undefined);
  return { path, sizeBytes: status?.size ?? 0 };
}

/** A batch that has ended before its last job. */
interface Stopped {
  /** In the jobs' order. */
  readonly broken: readonly Broken[];
  readonly nPending: number;
  readonly nDone: number;
  /** Whether there is something that need not be done again. */
  readonly hasDone: boolean;
}

function stoppedText({ broken, nPending, nDone, hasDone }: Stopped, overwrite: boolean): string {
  const [first] = broken;
  if (first === undefined) return '';
  const places = broken.map(({ job: { input }, position }) =>
    position === undefined ? `before ${input.path}` : `in ${input.path}, ${clock(position.seconds)} from its beginning`,
  );
  const count =
    broken.length === 1
      ? `file ${first.index + 1} of ${nPending}, ${nDone} done`
      : `${nDone} of ${nPending} files done`;
  const next = hasDone ? nextText(first.job, broken.length === 1, overwrite) : '';
  return `stopped ${places.join('; ')} (${count})${next}`;
}

/** What the same command does next time, where that is not all of it once more. */
function nextText({ input, outputs }: Job, isOnly: boolean, overwrite: boolean): string {
  if (outputs.size === 0 || input.path === '-') return '';
  const file = isOnly ? 'this file' : input.path;
  return `; the same command${overwrite ? ' without --overwrite' : ''} skips what is done and begins with ${file}`;
}

function tellFailures(failures: readonly Failure[], nFiles: number, terminal: Terminal): void {
  if (failures.length === 0) return;
  const reasons = failures.flatMap(({ path, error }) => {
    const message = error instanceof Error ? error.message : String(error);
    const [first = '', ...more] = message.split('\n');
    return [first.includes(printable(path)) ? first : `${path}: ${first}`, ...more];
  });
  terminal.warn(`${failures.length} of ${nFiles} files failed:`, reasons);
}

function skippedJson({ input, outputs }: Job): string {
  return JSON.stringify({ file: input.path, skipped: true, outputs: [...outputs.values()] });
}

function notTriedJson(file: string): string {
  return JSON.stringify({ file, notTried: true });
}

function summaryText(nDone: number, nSkipped: number, nFailed: number): string {
  const parts = [`${nDone} done`, nSkipped > 0 ? `${nSkipped} skipped` : '', nFailed > 0 ? `${nFailed} failed` : ''];
  return `files: ${parts.filter((part) => part !== '').join(', ')}`;
}
