import type { FormOptions } from '../options/tables.ts';
import { formats } from '../output/formats.ts';
import type { Transcript } from '../output/transcript.ts';
import { type Job, outputPaths } from './job.ts';

/** The contents of a job's outputs, by their places. */
export function outputsOf(job: Job, transcript: Transcript, options: FormOptions): Map<string, string> {
  return new Map(outputPaths(job).map(([format, output]) => [output, formats[format](transcript, options)]));
}
