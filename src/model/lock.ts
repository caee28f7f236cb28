import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelError } from '../errors.ts';
import { makeFolder } from './make-folder.ts';
import { describeToken, fateOf, isToken, processToken } from './process-token.ts';

// A lock is a file whose name says who wants it: <what>~<token of the process>. To take the lock: look that no live
// contender is there, create one's own file, look again; alone, one holds it, else one withdraws and tries later. Of
// two who come at once, the second to look sees both files, so two never hold it. A name is never used twice, so
// clearing away a dead contender can never hit a living one, which taking over one shared lock file can.
//
// A contender on this machine is dead when its process has ended. Any contender, here or elsewhere, is passed over when
// it has given no sign of life for a minute: it may be suspended, or its machine may be gone. That minute is measured by
// who waits, on a clock that nobody can set, between two looks at a file that did not change; no date of a file is ever
// compared with the time of day, since clocks differ.
//
// A process that was suspended may go on without knowing that it lost the lock. So the lock only saves double work: what
// keeps the store whole is that every process writes to files of its own, which get their names by a rename.

/** What stands for the minute in tests. */
const silenceMs = Number(process.env['WHISPER_NPU_LOCK_SILENCE_MS']) || 60_000;

/** Who loses the lock this often in a row, a minute of silence each time, is not going to get anything done. */
const mostLosses = 10;

/** How to wait for a lock. */
export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Time between two looks. */
  readonly pollMs?: number | undefined;
  /** For how long a holder may give no sign of life. */
  readonly silenceMs?: number | undefined;
  /** Called once if the lock is held, with who holds it. */
  readonly onWait?: ((holder: string) => void) | undefined;
}

/**
 * Runs `body` while no other process, nor another caller in this one, runs one under the same name. A holder that was
 * killed is passed over at once on the same machine, and after a minute without a sign of life on another.
 *
 * @param directory where the lock files lie; made if missing
 * @param body gets a signal that aborts when `options.signal` does, or when this process slept so long that it lost the
 *   lock. In the latter case it is run again, once the lock can be had again, if it fails
 * @throws ModelError 'MODEL_LOCK_LOST' when the lock was lost time and again; what `body` throws
 */
export async function withLock<T>(
  directory: string,
  name: string,
  options: LockOptions,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await makeFolder(directory);
  for (let losses = 0; ; losses++) {
    const lock = await acquire(directory, name, options);
    try {
      return await body(lock.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(await lock.isLost())) throw error;
      if (losses === mostLosses) throw lockLost(name, error);
    } finally {
      await lock.release();
    }
  }
}

function lockLost(name: string, cause?: unknown): ModelError {
  return new ModelError('MODEL_LOCK_LOST', `another process took over the lock on ${name}`, {
    hint: 'This process was suspended, or the machine too busy, for longer than a minute. Run the command again.',
    cause,
  });
}

/** A lock that was taken. */
export interface Lock {
  /** Aborted when the caller's is, or soon after the lock was lost. */
  readonly signal: AbortSignal;
  isLost(): Promise<boolean>;
  release(): Promise<void>;
}

async function acquire(directory: string, name: string, options: LockOptions): Promise<Lock> {
  return hold(await waitForTurn(directory, name, options), name, options);
}

/** @param path the file by which the lock is held */
function hold(path: string, name: string, options: LockOptions): Lock {
  // AbortSignal.any() would do, but for Node 20, which may collect such a signal while it is waited for.
  const stop = new AbortController();
  const abort = () => stop.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted) abort();
  let isLost = false;
  const giveSignOfLife = async () => {
    const now = new Date();
    await utimes(path, now, now).catch((error: NodeJS.ErrnoException) => {
      // Another failure is silence too: the others will notice, and remove the file.
      if (error.code !== 'ENOENT') return;
      isLost = true;
      stop.abort(lockLost(name));
    });
  };
  const heartbeat = setInterval(giveSignOfLife, (options.silenceMs ?? silenceMs) / 12);
  heartbeat.unref();
  return {
    signal: stop.signal,
    async isLost() {
      await giveSignOfLife();
      return isLost;
    },
    async release() {
      clearInterval(heartbeat);
      options.signal?.removeEventListener('abort', abort);
      await rm(path, { force: true });
    },
  };
}

/** @returns the path of the file by which the lock is held */
async function waitForTurn(directory: string, name: string, options: LockOptions): Promise<string> {
  const path = join(directory, `${name}~${processToken()}`);
  const pollMs = options.pollMs ?? 250;
  const watch = watchContenders(directory, (file) => (file.startsWith(`${name}~`) ? tokenOf(file, name) : ''), {
    silenceMs: options.silenceMs ?? silenceMs,
    pollMs,
  });
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const [holder] = await watch();
    if (holder === undefined) {
      if (await standsAlone(path, watch)) return path;
    } else if (!told) {
      told = true;
      options.onWait?.(describeToken(tokenOf(holder, name)));
    }
    // Random, so that two who withdrew from each other do not meet again.
    await sleep(pollMs * (0.5 + Math.random()), undefined, { signal: options.signal });
  }
}

/**
 * Creates one's own file, and looks again.
 *
 * @returns whether nobody else is there, so that one holds the lock; otherwise one has withdrawn
 */
async function standsAlone(path: string, contenders: () => Promise<readonly string[]>): Promise<boolean> {
  await writeFile(path, '', { flag: 'wx' });
  const found = await contenders();
  if (found.length === 1 && found[0] === basename(path)) return true;
  await rm(path, { force: true });
  return false;
}

/** Locks of many names in one folder, for those who go on to the next where they cannot have one. */
export interface Claims {
  /** Names whose locks somebody alive holds, or is about to. To be asked for every second or so. */
  held(): Promise<ReadonlySet<string>>;
  /** @returns undefined where somebody else has it, or wants it at the same moment */
  take(name: string): Promise<Lock | undefined>;
}

/**
 * @param directory where nothing but these lock files lies; made if missing
 * @param pollMs how long there is usually between two looks
 */
export async function openClaims(
  directory: string,
  { pollMs = 1000, ...options }: Pick<LockOptions, 'silenceMs' | 'pollMs'> = {},
): Promise<Claims> {
  await makeFolder(directory);
  const watch = watchContenders(directory, (file) => tokenOf(file, nameOf(file)), {
    silenceMs: options.silenceMs ?? silenceMs,
    pollMs,
  });
  return {
    held: async () => new Set((await watch()).map(nameOf)),
    async take(name) {
      const path = join(directory, `${name}~${processToken()}`);
      const contenders = async () => (await watch()).filter((file) => nameOf(file) === name);
      return (await standsAlone(path, contenders)) ? hold(path, name, options) : undefined;
    },
  };
}

/** Of a lock whose name has no ~ in it. */
function nameOf(file: string): string {
  return file.slice(0, Math.max(0, file.indexOf('~')));
}

function tokenOf(file: string, name: string): string {
  return file.slice(name.length + 1);
}

interface Observation {
  /** What changes with every sign of life. */
  readonly state: string;
  readonly silentMs: number;
}

/**
 * @param contender the token of the process that a file is of; what is none has nothing to do with it
 * @returns a function that looks who contends for a lock, and clears away those that are dead
 */
function watchContenders(
  directory: string,
  contender: (file: string) => string,
  limits: { silenceMs: number; pollMs: number },
) {
  let observations = new Map<string, Observation>();
  let lookedAtMs = performance.now();
  return async () => {
    const nowMs = performance.now();
    // Who looks much later than it meant to was suspended itself, and the contenders perhaps with it.
    const passedMs = Math.min(nowMs - lookedAtMs, 3 * limits.pollMs);
    lookedAtMs = nowMs;
    const seen = new Map<string, Observation>();
    for (const file of await readdir(directory)) {
      const token = contender(file);
      if (!isToken(token)) continue;
      const state = await stateOf(join(directory, file));
      if (state === undefined) continue;
      const before = observations.get(file);
      const silentMs = before?.state === state ? before.silentMs + passedMs : 0;
      const isDead = fateOf(token) === 'ended' || silentMs > limits.silenceMs;
      if (isDead) await rm(join(directory, file), { recursive: true, force: true });
      else seen.set(file, { state, silentMs });
    }
    observations = seen;
    return [...seen.keys()];
  };
}

/** The dates of a file, as a mere mark: whoever's clock they are of, a sign of life changes them. */
async function stateOf(path: string): Promise<string | undefined> {
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  return status && `${status.ino} ${status.mtimeNs} ${status.ctimeNs}`;
}
