import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NpuError, WhisperNpuError } from '../../../errors.ts';
import { isAboutRecording } from '../../../output/files/output-error.ts';
import { removeDeadParts } from '../../../output/files/write-together.ts';
import { printable } from '../../../printable.ts';
import { exitCode } from '../../exit-codes.ts';
import { errorJson, printError } from '../../report-error.ts';
import type { Session } from '../../session.ts';
import type { Terminal } from '../../terminal.ts';
import { isFinished, type Job } from './jobs.ts';
import { type BatchProgress, clock, followBatch } from './progress.ts';

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

/**
 * Works through jobs one by one. One that fails is reported and does not stop the others, unless they would fail likewise.
 * Where there is a single file, its error is thrown.
 *
 * @param nFiles how many there are with those that are finished already
 * @param perform does one job, and says by `progress` how far it is
 */
export async function runBatch(
  pending: readonly Job[],
  nFiles: number,
  { session, terminal, overwrite, json }: BatchOptions,
  perform: (job: Job, progress: BatchProgress) => Promise<void>,
): Promise<void> {
  const progress = followBatch(await Promise.all(pending.map(withSize)));
  const failures: Failure[] = [];
  let nDone = 0;
  for (const [i, job] of pending.entries()) {
    try {
      // Another process may be at work on the same files.
      if (overwrite || i === 0 || !(await isFinished(job))) {
        await perform(job, progress);
        nDone++;
      }
    } catch (error) {
      const isLast = session.signal.aborted || !isAboutRecording(error);
      if (isLast && (session.signal.aborted || nFiles > 1)) {
        const count = `file ${i + 1} of ${pending.length}, ${nDone} done`;
        const hasDone = nDone > 0 || pending.length < nFiles;
        terminal.warn(`${stoppedText(job, progress)} (${count})${hasDone ? nextText(job, overwrite) : ''}`);
        if (isLostDevice(error)) terminal.warn(lostText(pending.length - i));
        tellFailures(failures, nFiles, terminal);
      }
      // Before a recording is begun, what stops all is about the model or the device.
      const isAboutFile = progress.position !== undefined || isAboutRecording(error);
      if (error instanceof WhisperNpuError && isAboutFile) error.file = job.input.path;
      if (isLast && json && !session.signal.aborted) {
        for (const { input } of pending.slice(i + 1)) await session.print(`${notTriedJson(input.path)}\n`);
      }
      if (isLast || nFiles === 1) throw error;
      failures.push({ path: job.input.path, error });
      terminal.endProgress();
      printError(error, session.stderr);
      if (json) await session.print(`${errorJson(error, job.input.path)}\n`);
    } finally {
      progress.end();
    }
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

function stoppedText({ input }: Job, { position }: BatchProgress): string {
  return position === undefined
    ? `stopped before ${input.path}`
    : `stopped in ${input.path}, ${clock(position.seconds)} from its beginning`;
}

/** What the same command does next time, where that is not all of it once more. */
function nextText({ input, outputs }: Job, overwrite: boolean): string {
  if (outputs.size === 0 || input.path === '-') return '';
  return `; the same command${overwrite ? ' without --overwrite' : ''} skips what is done and begins with this file`;
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
