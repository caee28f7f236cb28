import { constants } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../../model/make-folder.ts';
import { inTheWayError, outputError } from './output-error.ts';

/**
 * Whether outputs are there and none is older than their recording. Outputs appear whole and together, so this is all there
 * is to ask.
 *
 * @param recording its path, or when it was changed
 */
export async function areCurrent(paths: Iterable<string>, recording: string | Date): Promise<boolean> {
  const changedMs = await changeOf(recording);
  if (changedMs === undefined) return false; // opening it will tell
  for (const path of paths) {
    const output = await stat(path).catch(() => undefined);
    if (output === undefined || output.mtimeMs < changedMs) return false;
  }
  return true;
}

/** When a recording was changed; undefined where it is not there. */
export async function changeOf(recording: string | Date): Promise<number | undefined> {
  if (typeof recording !== 'string') return recording.getTime();
  return (await stat(recording).catch(() => undefined))?.mtimeMs;
}

/**
 * The date for outputs of a recording as it is now: that of the beginning of the work on it, so that they are older than
 * a recording that changes meanwhile, but never older than the recording is said to be, even if that is tomorrow.
 *
 * @param recording its path, or when it was changed; undefined for what comes through a pipe
 */
export async function outputDate(recording: string | Date | undefined): Promise<Date> {
  const changedMs = recording === undefined ? undefined : await changeOf(recording);
  // A millisecond more: file systems and floating point cut off what is below one.
  return new Date(Math.ceil(Math.max(Date.now(), changedMs ?? 0)) + 1);
}

/**
 * Makes the folders of outputs and sees that they can be written, before hours are spent on the recording.
 *
 * @throws OutputError
 */
export async function makeRoom(paths: Iterable<string>): Promise<void> {
  for (const path of paths) {
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
