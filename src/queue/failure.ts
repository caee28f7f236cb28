import { AudioError, JobError, OutputError, WhisperNpuError } from '../errors.ts';
import { isDiskFull } from '../output/files/output-error.ts';
import type { JobFailure } from './job.ts';

/** What is kept of an error. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof WhisperNpuError) return { code: error.code, message: error.message };
  return { code: 'UNEXPECTED', message: error instanceof Error ? error.message : String(error) };
}

/** What is wrong with a recording, its outputs or its job, or was foreseen by nobody, need not be wrong with the next one. */
export function isAboutJob(error: unknown): boolean {
  if (error instanceof OutputError) return !isDiskFull(error);
  if (error instanceof JobError) return error.code !== 'JOURNAL_FAILED';
  return error instanceof AudioError || !(error instanceof WhisperNpuError);
}
