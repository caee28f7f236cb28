import { link, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../errors.ts';
import { makeFolder } from '../../model/make-folder.ts';
import { fateOf, isToken, processToken } from '../../model/process-token.ts';

// <folder>/<hash>              a recording
// <folder>/<hash>~<token>      the same file under a name of who works with it, which stays until that is done

/** A recording that is there until it is disposed of. */
export interface HeldAudio extends AsyncDisposable {
  readonly path: string;
}

/** Recordings that were fetched, for as long as there is room. */
export interface AudioCache {
  /**
   * @param hash of the recording
   * @param fetchTo writes it to a file that is not there yet
   * @throws JobError ('JOB_AUDIO_TOO_LARGE')
   */
  hold(hash: string, sizeBytes: number, fetchTo: (path: string) => Promise<void>): Promise<HeldAudio>;
}

/**
 * @param folder where nothing else lies; several processes may use it
 * @param limitBytes what all recordings in it may take; those in use stay, whatever they take
 */
export function audioCache(folder: string, limitBytes: number): AudioCache {
  return {
    async hold(hash, sizeBytes, fetchTo) {
      if (sizeBytes > limitBytes) throw tooLarge(sizeBytes, limitBytes);
      await makeFolder(folder);
      const [path, own] = [join(folder, hash), join(folder, `${hash}~${processToken()}`)];
      const held = { path: own, [Symbol.asyncDispose]: () => rm(own, { force: true }) };
      if (await linked(path, own)) {
        const now = new Date();
        await utimes(own, now, now).catch(() => undefined); // only which goes first hangs on it
        return held;
      }
      await makeRoom(folder, limitBytes - sizeBytes);
      try {
        await fetchTo(own);
      } catch (error) {
        await rm(own, { force: true });
        throw error;
      }
      await linked(own, path); // somebody else may have been faster; and without links it is fetched again the next time
      return held;
    },
  };
}

const notLinked = new Set(['ENOENT', 'EEXIST', 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (notLinked.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Removes what killed processes left, and what was not used for longest, until the rest takes no more than it may. */
async function makeRoom(folder: string, limitBytes: number): Promise<void> {
  const found = new Map<
    bigint,
    { readonly path: string; readonly size: number; readonly usedMs: number; readonly isFree: boolean }
  >();
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const token = name.slice(name.indexOf('~') + 1);
    if (isToken(token) && fateOf(token) === 'ended') await rm(path, { force: true });
    const status = await stat(path, { bigint: true }).catch(() => undefined);
    if (status === undefined) continue;
    const isFree = !isToken(token) && status.nlink === 1n;
    found.set(status.ino, { path, size: Number(status.size), usedMs: Number(status.mtimeMs), isFree });
  }
  let total = [...found.values()].reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of [...found.values()].filter(({ isFree }) => isFree).sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= limitBytes) return;
    await rm(path, { force: true });
    total -= size;
  }
}

function tooLarge(sizeBytes: number, limitBytes: number): JobError {
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  return new JobError(
    'JOB_AUDIO_TOO_LARGE',
    `the recording has ${gigabytes(sizeBytes)} GB, and a worker keeps ${gigabytes(limitBytes)} GB at most`,
    { hint: 'raise --cache-size of the worker' },
  );
}
