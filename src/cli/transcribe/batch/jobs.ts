import { join, parse, resolve } from 'node:path';
import { UsageError } from '../../../errors.ts';
import { areCurrent } from '../../../output/files/room.ts';
import type { FormatName } from '../../../output/formats.ts';
import { isS3 } from '../../../queue/s3/address.ts';
import type { Input } from './inputs.ts';

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
    const base = below(directory, isAlone ? stem(input.relativePath) : input.relativePath);
    return { input, outputs: new Map(formats.map((format) => [format, `${base}.${format}`])) };
  });
  const owners = new Map(distinct.map(({ path }) => [placeOf(path), path]));
  for (const { input, outputs } of jobs) {
    for (const path of outputs.values()) {
      const owner = owners.get(placeOf(path));
      if (owner !== undefined) throw clash(path, owner, input.path);
      owners.set(placeOf(path), input.path);
    }
  }
  return jobs;
}

function withoutRepeats(inputs: readonly Input[]): Input[] {
  const seen = new Set<string>();
  return inputs.filter(({ path }) => {
    const key = path === '-' ? path : placeOf(path);
    return !seen.has(key) && seen.add(key);
  });
}

function below(directory: string, path: string): string {
  return isS3(directory) ? `${directory.replace(/\/+$/, '')}/${path.replaceAll('\\', '/')}` : join(directory, path);
}

/** The same for the same place, however it is written. */
export function placeOf(path: string): string {
  return isS3(path) ? path : resolve(path);
}

/** A path without its extension. */
function stem(path: string): string {
  const { dir, name } = parse(path);
  return join(dir, name);
}

function clash(output: string, a: string, b: string): UsageError {
  if (placeOf(output) === placeOf(a))
    return new UsageError('OUTPUT_CLASH', `the output for ${b} would overwrite the input ${a}`, {
      hint: 'name another --output-dir',
    });
  return new UsageError('OUTPUT_CLASH', `${a} and ${b} would both be written to ${output}`, {
    hint: 'name the folder they are in, or a quoted glob: the folders below it are kept under --output-dir',
  });
}

/** Whether there is nothing left to do for a job. */
export async function isFinished({ input, outputs }: Job): Promise<boolean> {
  if (outputs.size === 0 || input.path === '-' || input.failure !== undefined) return false;
  return areCurrent(outputs.values(), input.path);
}
