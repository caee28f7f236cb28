import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openClaims, withLock } from '../../src/model/lock.ts';
import { processToken } from '../../src/model/process-token.ts';
import { hangLimitMs } from '../support/hang-limit.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A token as a process of this machine has one. */
const own = processToken();

/** Puts a lock file there, as a holder leaves that was killed, or lives on. */
function leave(token: string, options: { hoursOff?: number } = {}): string {
  const path = join(folder, `model~${token}`);
  writeFileSync(path, '');
  const date = Date.now() / 1000 + 3600 * (options.hoursOff ?? 0);
  utimesSync(path, date, date);
  return path;
}

/** The token of a process of this machine that has ended. */
function endedToken(): string {
  return own.replace(`~${process.pid}~`, `~${spawnSync('true').pid}~`);
}

/** A token as a process on another machine has one. */
const elsewhere = 'elsewhere~1~5~0123456789ab~0123456789ab';

/** Whether the lock can be had without waiting. */
async function isFree(): Promise<boolean> {
  const waiting = new AbortController();
  const options = { pollMs: 5, signal: waiting.signal, onWait: () => waiting.abort() };
  return withLock(folder, 'model', options, async () => true).catch(() => false);
}

/** Something to wait for until it is opened. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

test('of many who want a lock at once, one has it at any time, and each in turn', async () => {
  leave(endedToken());
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await sleep(1);
    inside--;
  };
  await Promise.all(Array.from({ length: 12 }, () => withLock(folder, 'model', { pollMs: 5 }, work)));
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test('locks of different names do not hinder each other', async () => {
  await withLock(folder, 'model', {}, async () => {
    await withLock(folder, 'model.en', {}, async () => undefined);
  });
});

test('who waits is told once for whom', async () => {
  const holders: string[] = [];
  const [held, letGo] = [gate(), gate()];
  const first = withLock(folder, 'model', {}, () => {
    held.open();
    return letGo.passed;
  });
  await held.passed;
  const onWait = (holder: string) => {
    holders.push(holder);
    setTimeout(letGo.open, 20); // some looks later
  };
  await withLock(folder, 'model', { pollMs: 1, onWait }, async () => undefined);
  await first;
  expect(holders).toEqual([`process ${process.pid} on ${hostname()}`]);
});

test('a failure gives the lock back', async () => {
  const failing = withLock(folder, 'model', {}, () => Promise.reject(new Error('failed')));
  await expect(failing).rejects.toThrow('failed');
  expect(await isFree()).toBe(true);
});

test('an abort reaches the holder and ends the waiting', async () => {
  const controller = new AbortController();
  const options = { pollMs: 5, signal: controller.signal };
  const held = gate();
  const holding = withLock(folder, 'model', options, async (signal) => {
    held.open();
    await sleep(hangLimitMs, undefined, { signal });
  });
  await held.passed;
  const waiting = withLock(folder, 'model', options, async () => undefined);
  controller.abort(new Error('stop'));
  const outcomes = await Promise.allSettled([holding, waiting]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(readdirSync(folder)).toEqual([]);
});

test('a holder that was killed is passed over at once', async () => {
  leave(endedToken());
  expect(await isFree()).toBe(true);
  expect(readdirSync(folder)).toEqual([]);
});

test('a holder whose process id was given to another process is passed over at once', async () => {
  const [host, pid, start, ...rest] = own.split('~');
  leave([host, pid, Number(start) - 1, ...rest].join('~'));
  expect(await isFree()).toBe(true);
});

test('a holder that has ended, and whose parent does not look, is passed over at once', async () => {
  // What the shell started ends when it reads the end of our input, after the shell has become a program that does not look.
  const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec sleep 60'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const proc = (pid: number | string | undefined, file: string) => readFileSync(`/proc/${pid}/${file}`, 'latin1');
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const zombie = String(line).trim();
    await vi.waitUntil(() => proc(parent.pid, 'comm') === 'sleep\n', { timeout: hangLimitMs });
    parent.stdin.end();
    await vi.waitUntil(() => proc(zombie, 'stat').includes(') Z '), { timeout: hangLimitMs });
    leave(own.replace(`~${process.pid}~`, `~${zombie}~`).replace(/~\d+~(?=[0-9a-f]{12}~)/, '~~'));
    expect(await isFree()).toBe(true);
  } finally {
    parent.kill();
  }
});

test.each([-1, 0, 1])('a living holder is not, here or elsewhere, with its clock %d hours off', async (hoursOff) => {
  const path = leave(own, { hoursOff });
  expect(await isFree()).toBe(false);
  rmSync(path);
  leave(elsewhere, { hoursOff });
  expect(await isFree()).toBe(false);
});

test.each([own, elsewhere])('a holder that gives no sign of life is passed over after a while: %s', async (token) => {
  for (const hoursOff of [-1, 1]) {
    leave(token, { hoursOff });
    const holders: string[] = [];
    const options = { pollMs: 5, silenceMs: 60, onWait: (holder: string) => holders.push(holder) };
    await withLock(folder, 'model', options, async () => undefined);
    expect(holders).toHaveLength(1);
  }
});

test('a holder that gives signs of life is waited for, however long it takes and whatever dates it has', async () => {
  const path = leave(elsewhere);
  let date = Date.now() / 1000;
  const beat = setInterval(() => {
    date -= 1;
    utimesSync(path, date, date);
  }, 1);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 500);
  const waiting = withLock(folder, 'model', { pollMs: 20, silenceMs: 60, signal: stop.signal }, async () => undefined);
  await expect(waiting).rejects.toThrow();
  clearInterval(beat);
});

test('what is no lock does not count', async () => {
  for (const name of ['model~', 'model~junk', 'model~a~b~c', `model~${elsewhere}~more`, 'model'])
    writeFileSync(join(folder, name), 'junk');
  mkdirSync(join(folder, `model~${endedToken()}`, 'a folder'), { recursive: true });
  expect(await isFree()).toBe(true);
});

describe('a holder that lost the lock', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  /** Plays a process that slept until another one had taken over. */
  async function lose(signal: AbortSignal): Promise<never> {
    for (const file of readdirSync(folder)) rmSync(join(folder, file));
    vi.advanceTimersByTime(5_000);
    signal.throwIfAborted();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }

  test('is stopped, and begins again when it has the lock', async () => {
    let runs = 0;
    const done = await withLock(folder, 'model', { pollMs: 5 }, async (signal) => (++runs < 3 ? lose(signal) : runs));
    expect(done).toBe(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('begins again too where it noticed by a failure', async () => {
    let runs = 0;
    const done = await withLock(folder, 'model', { pollMs: 5 }, async () => {
      if (++runs > 1) return runs;
      for (const file of readdirSync(folder)) rmSync(join(folder, file));
      throw new Error('a folder is gone');
    });
    expect(done).toBe(2);
  });

  test('gives up when that never ends', async () => {
    await expect(withLock(folder, 'model', { pollMs: 1 }, lose)).rejects.toMatchObject({ code: 'MODEL_LOCK_LOST' });
  });

  test('does not begin again when it is to stop', async () => {
    const controller = new AbortController();
    const stopped = withLock(folder, 'model', { signal: controller.signal }, async (signal) => {
      controller.abort(new Error('enough'));
      return lose(signal);
    });
    await expect(stopped).rejects.toThrow('enough');
  });
});

describe('claims', () => {
  test('are had by one at a time, and by the next when they are let go', async () => {
    const [mine, other] = [await openClaims(folder), await openClaims(folder)];
    const lock = await mine.take('a');
    expect(await other.take('a')).toBeUndefined();
    expect(await mine.take('a')).toBeUndefined();
    const second = await other.take('b');
    expect(await mine.held()).toEqual(new Set(['a', 'b']));
    await lock?.release();
    expect(await other.held()).toEqual(new Set(['b']));
    const again = await other.take('a');
    expect(again).toBeDefined();
    await Promise.all([again?.release(), second?.release()]);
  });

  test('of processes that have ended are free', async () => {
    const token = processToken().replace(`~${process.pid}~`, '~999999999~');
    writeFileSync(join(folder, `a~${token}`), '');
    const claims = await openClaims(folder);
    expect(await claims.held()).toEqual(new Set());
    const lock = await claims.take('a');
    expect(lock).toBeDefined();
    await lock?.release();
  });

  test('of who gives no sign of life any more are free, and lost to him', async () => {
    writeFileSync(join(folder, 'a~elsewhere~1~2~0123456789ab~0123456789ab'), '');
    const claims = await openClaims(folder, { silenceMs: 100, pollMs: 50 });
    expect(await claims.held()).toEqual(new Set(['a']));
    await expect.poll(() => claims.held(), { interval: 50 }).toEqual(new Set());
    const lock = await claims.take('a');
    for (const file of readdirSync(folder)) rmSync(join(folder, file));
    await expect.poll(() => lock?.signal.aborted).toBe(true);
    await lock?.release();
  });
});
