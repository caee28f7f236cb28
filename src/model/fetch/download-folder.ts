import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findLeftovers, givenUpPath, renameIfThere, renameUnlessOccupied, stagingPath } from '../staging.ts';

/**
 * A folder of this process's own to download a checkpoint into, with what an earlier download of it brought. From a process
 * that has ended the folder is taken over; a process on another machine may live, so its files are copied.
 *
 * @param target where the checkpoint goes; the lock on it is held
 */
export async function openDownload(target: string): Promise<string> {
  const staging = stagingPath(target);
  const probe = stagingPath(target);
  await mkdir(probe);
  const leftovers = (await findLeftovers(dirname(target), probe)).filter((leftover) => leftover.target === target);
  let isTaken = false;
  for (const { path, isDead } of leftovers) {
    if (!isDead) continue;
    if (isTaken) await rm(path, { recursive: true, force: true, maxRetries: 5 });
    else isTaken = await renameIfThere(path, staging);
  }
  if (!isTaken) await renameIfThere(probe, staging);
  else await rm(probe, { recursive: true, force: true });
  const [foreign] = leftovers.filter(({ isDead }) => !isDead);
  if (!isTaken && foreign !== undefined) await copyFiles(foreign.path, staging);
  return staging;
}

async function copyFiles(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isFile()) await copyFile(join(from, entry.name), join(to, entry.name), constants.COPYFILE_FICLONE);
  }
}

/** @param isKept whether what has come is left for whoever goes on with it; nothing is left where another one left some */
export async function closeDownload(staging: string, target: string, isKept: boolean): Promise<void> {
  if (isKept && (await readdir(staging)).length > 0) await renameUnlessOccupied(staging, givenUpPath(target));
  await rm(staging, { recursive: true, force: true, maxRetries: 5 });
}
