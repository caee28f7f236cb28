import { constants } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { dirname, join, parse, resolve } from 'node:path';
import { UsageError } from '../../../errors.ts';
import { makeFolder } from '../../../model/make-folder.ts';
import type { FormatName } from '../../../output/formats.ts';
import type { Input } from './inputs.ts';
import { inTheWayError, outputError } from './output-error.ts';

/** A recording and the files to write for it. */
export interface Job {
  readonly input: Input;
  /** Empty where results go to stdout. */
  readonly outputs: ReadonlyMap<FormatName, string>;
}

/**
 * Says where everything will be written: the recording's name with the format's extension, as openai/whisper has it. Of
 * recordings in one folder that differ in their extension alone, each keeps it: `talk.mp3.srt` and `talk.wav.srt`.
 *
 * @throws UsageError ('OUTPUT_CLASH') where two recordings, or a recording and an output, would get one name
 */
export function planJobs(inputs: readonly Input[], directory: string, formats: readonly FormatName[]): Job[] {
  const distinct = withoutRepeats(inputs);
  const nNamed = new Map<string, number>();
  for (const { relativePath } of distinct) nNamed.set(stem(relativePath), (nNamed.get(stem(relativePath)) ?? 0) + 1);
  const jobs = distinct.map((input): Job => {
    if (input.failure !== undefined) return { input, outputs: new Map() };
    const isAlone = nNamed.get(stem(input.relativePath)) === 1;
    const base = join(directory, isAlone ? stem(input.relativePath) : input.relativePath);
    return { input, outputs: new Map(formats.map((format) => [format, `${base}.${format}`])) };
  });
  const owners = new Map(distinct.map(({ path }) => [resolve(path), path]));
  for (const { input, outputs } of jobs) {
    for (const path of outputs.values()) {
      const owner = owners.get(resolve(path));
      if (owner !== undefined) throw clash(path, owner, input.path);
      owners.set(resolve(path), input.path);
    }
  }
  return jobs;
}

function withoutRepeats(inputs: readonly Input[]): Input[] {
  const seen = new Set<string>();
  return inputs.filter(({ path }) => {
    const key = path === '-' ? path : resolve(path);
    return !seen.has(key) && seen.add(key);
  });
}

/** A path without its extension. */
function stem(path: string): string {
  const { dir, name } = parse(path);
  return join(dir, name);
}

function clash(output: string, a: string, b: string): UsageError {
  if (resolve(output) === resolve(a))
    return new UsageError('OUTPUT_CLASH', `the output for ${b} would overwrite the input ${a}`, {
      hint: 'name another --output-dir',
    });
  return new UsageError('OUTPUT_CLASH', `${a} and ${b} would both be written to ${output}`, {
    hint: 'name the folder they are in, or a quoted glob: the folders below it are kept under --output-dir',
  });
}

/**
 * Whether all outputs of a job are there and none is older than its recording. Outputs appear whole and together, so this
 * is all there is to ask.
 */
export async function isFinished({ input, outputs }: Job): Promise<boolean> {
  if (outputs.size === 0 || input.path === '-' || input.failure !== undefined) return false;
  const recording = await stat(input.path).catch(() => undefined);
  if (recording === undefined) return false; // opening it will tell
  for (const path of outputs.values()) {
    const output = await stat(path).catch(() => undefined);
    if (output === undefined || output.mtimeMs < recording.mtimeMs) return false;
  }
  return true;
}

/**
 * The date for outputs of a recording as it is now: that of the beginning of the work on it, so that they are older than
 * a recording that changes meanwhile, but never older than the recording is said to be, even if that is tomorrow.
 */
export async function outputDate({ input }: Job): Promise<Date> {
  const recording = input.path === '-' ? undefined : await stat(input.path).catch(() => undefined);
  // A millisecond more: file systems and floating point cut off what is below one.
  return new Date(Math.ceil(Math.max(Date.now(), recording?.mtimeMs ?? 0)) + 1);
}

/**
 * Makes the folders of a job's outputs and sees that they can be written, before hours are spent on the recording.
 *
 * @throws OutputError
 */
export async function makeRoom({ outputs }: Job): Promise<void> {
  for (const path of outputs.values()) {
    await makeOutputFolder(dirname(path));
    const inPlace = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw outputError(error, path);
    });
    if (inPlace !== undefined && !inPlace.isFile() && !inPlace.isSymbolicLink()) throw inTheWayError(path);
  }
}

/** @throws OutputError where it cannot be made, or nothing can be written into it */
export async function makeOutputFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    throw outputError(error, folder);
  }
}
