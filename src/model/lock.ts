import { randomBytes } from 'node:crypto';
import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelError } from '../errors.ts';
import { makeFolder } from './make-folder.ts';

// A lock is a file whose name says who wants it: <what>~<host>~<pid>~<random>. To take the lock: look that no live
// contender is there, create one's own file, look again; alone, one holds it, else one withdraws and tries later. Of
// two who come at once, the second to look sees both files, so two never hold it. A name is never used twice, so
// clearing away a dead contender can never hit a living one, which taking over one shared lock file can.

const heartbeatMs = 5_000;
const staleMs = 60_000;

/** How to wait for a lock. */
export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Time between two looks. */
  readonly pollMs?: number | undefined;
  /** Called once if the lock is held, with who holds it. */
  readonly onWait?: ((holder: string) => void) | undefined;
}

/**
 * Runs `body` while no other process, nor another caller in this one, runs one under the same name. A holder that was
 * killed is passed over at once on the same host, and after a minute without a sign of life on another.
 *
 * @param directory where the lock files lie; made if missing
 * @param body gets a signal that aborts when `options.signal` does, or when this process slept so long that it lost
 *   the lock
 */
export async function withLock<T>(
  directory: string,
  name: string,
  options: LockOptions,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await makeFolder(directory);
  const path = await acquire(directory, name, options);
  const lost = new AbortController();
  const abort = () => lost.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT')
        lost.abort(new ModelError('MODEL_LOCK_LOST', `another process took over the lock on ${name}`));
    });
  }, heartbeatMs);
  heartbeat.unref();
  try {
    options.signal?.throwIfAborted();
    return await body(lost.signal);
  } finally {
    clearInterval(heartbeat);
    options.signal?.removeEventListener('abort', abort);
    await rm(path, { force: true });
  }
}

async function acquire(directory: string, name: string, options: LockOptions): Promise<string> {
  const own = [name, encodeURIComponent(hostname()), process.pid, randomBytes(6).toString('hex')].join('~');
  const path = join(directory, own);
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const [holder] = await liveContenders(directory, name);
    if (holder === undefined) {
      await writeFile(path, '', { flag: 'wx' });
      const contenders = await liveContenders(directory, name);
      if (contenders.length === 1 && contenders[0] === own) return path;
      await rm(path, { force: true });
    } else if (!told) {
      told = true;
      options.onWait?.(describe(holder));
    }
    // Random, so that two who withdrew from each other do not meet again.
    await sleep((options.pollMs ?? 250) * (0.5 + Math.random()), undefined, { signal: options.signal });
  }
}

async function liveContenders(directory: string, name: string): Promise<string[]> {
  const files = (await readdir(directory)).filter((file) => file.startsWith(`${name}~`));
  const live = [];
  for (const file of files) {
    if (await isAlive(join(directory, file), file)) live.push(file);
    else await rm(join(directory, file), { force: true });
  }
  return live;
}

async function isAlive(path: string, file: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined || Date.now() - status.mtimeMs > staleMs) return false;
  const [, host, pid] = file.split('~');
  return host !== encodeURIComponent(hostname()) || isRunning(Number(pid));
}

/** Whether there is such a process on this host. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function describe(file: string): string {
  const [, host, pid] = file.split('~');
  return `process ${pid} on ${decodeURIComponent(host ?? '')}`;
}
