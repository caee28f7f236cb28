import { link, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { isRunning } from '../../model/process-token.ts';
import { outputError } from './output-error.ts';
import { areCurrent } from './room.ts';

// Until it has its name, an output is called .whisper-npu~<host>~<pid>~<n>: nobody takes it for a result, and what a
// killed process left can be told from what a living one is writing.
const prefix = '.whisper-npu~';
const host = encodeURIComponent(hostname()).slice(0, 64);
let nParts = 0;

/** What is written at the end of a job takes moments; a part of another host's is dead if it is older than this. */
const staleMs = 3_600_000;

/**
 * Writes the outputs of one recording so that each is there whole or not at all, whenever the process is killed. The last
 * one also says that all are there: what stands in its place goes first, and it comes last.
 *
 * @param files contents by path; their folders exist
 * @param date their time of change
 * @throws OutputError; then nothing half written is left
 */
export async function writeTogether(files: ReadonlyMap<string, string>, date: Date): Promise<void> {
  const parts = [...files.keys()].map((path) => ({ path, part: partOf(path) }));
  try {
    for (const { path, part } of parts) await writePart(part, files.get(path) ?? '', date).catch(naming(path));
    const last = parts.at(-1)?.path;
    if (last !== undefined && parts.length > 1) await remove(last).catch(naming(last));
    for (const { path, part } of parts) await rename(part, path).catch(naming(path));
  } finally {
    // Where a part cannot be removed there is an error already that says why; a later run removes it.
    await Promise.allSettled(parts.map(({ part }) => remove(part)));
  }
}

function partOf(path: string): string {
  return join(dirname(path), `${prefix}${host}~${process.pid}~${nParts++}`);
}

/**
 * Writes those outputs of a recording that are not there yet, each whole or not at all. Of several processes that do the same
 * work the first one's stays; what is older than the recording is no output of it, and is replaced.
 *
 * @param files contents by path; their folders exist
 * @param date their time of change, not before the recording's
 * @param recording its path, or when it was changed
 * @throws OutputError; then nothing half written is left
 */
export async function writeMissing(
  files: ReadonlyMap<string, string>,
  date: Date,
  recording: string | Date,
): Promise<void> {
  for (const [path, content] of files) {
    if (await areCurrent([path], recording)) continue;
    const part = partOf(path);
    try {
      await writePart(part, content, date);
      if (!(await linked(part, path)) && !(await areCurrent([path], recording))) await rename(part, path);
    } catch (error) {
      throw outputError(error, path);
    } finally {
      await remove(part).catch(() => undefined); // a later run removes it
    }
  }
}

/** File systems of other systems have no second names for files. */
const noLinks = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/** @returns whether the name was free; where there are no links, false too: then the caller renames */
async function linked(part: string, path: string): Promise<boolean> {
  try {
    await link(part, path);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && !noLinks.has(code)) throw error;
    return false;
  }
}

/** Unlike `rm` it does not try to remove a folder where a file may not be removed, and then speaks of that. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

function naming(path: string): (error: unknown) => never {
  return (error) => {
    throw outputError(error, path);
  };
}

async function writePart(part: string, content: string, date: Date): Promise<void> {
  await using file = await open(part, 'wx');
  await file.writeFile(content);
  await file.utimes(date, date);
  await file.sync();
}

/** Removes what killed processes left in a folder of outputs. What cannot be removed harms nobody. */
export async function removeDeadParts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((name) => name.startsWith(prefix))) {
    if (await isDead(join(folder, name), name)) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}

async function isDead(path: string, name: string): Promise<boolean> {
  const [, onHost, pid] = name.split('~');
  if (onHost === host && !isRunning(Number(pid))) return true;
  const status = await stat(path).catch(() => undefined);
  return status !== undefined && Date.now() - status.mtimeMs > staleMs;
}
