import { JobError, WhisperNpuError } from '../errors.ts';
import { isAboutRecording } from '../output/files/output-error.ts';
import type { JobFailure } from './job.ts';

/** What is kept of an error. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof WhisperNpuError) return { code: error.code, message: error.message };
  return { code: 'UNEXPECTED', message: error instanceof Error ? error.message : String(error) };
}

/** What is wrong with a job or its recording need not be wrong with the next one; any other error ends the work. */
export function isAboutJob(error: unknown): boolean {
  return error instanceof JobError ? !notOfJobs.has(error.code) : isAboutRecording(error);
}

/** What is wrong with the place where jobs or recordings lie is wrong with the next one too, and another worker may do what this one may not. */
const notOfJobs = new Set([
  'JOURNAL_FAILED',
  'JOB_OTHER_VERSION',
  'S3_UNREACHABLE',
  'S3_CREDENTIALS_REFUSED',
  'S3_NO_CREDENTIALS',
  'S3_PACKAGE_MISSING',
]);
