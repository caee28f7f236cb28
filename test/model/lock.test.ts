import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withLock } from '../../src/model/lock.ts';
import { hangLimitMs } from '../support/hang-limit.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const host = encodeURIComponent(hostname());

/** A lock file as a holder leaves that was killed, or lives on. */
function leave(what: { host: string; pid: number; silentSeconds?: number }): void {
  const path = join(folder, `model~${what.host}~${what.pid}~0123456789ab`);
  writeFileSync(path, '');
  const then = Date.now() / 1000 - (what.silentSeconds ?? 0);
  utimesSync(path, then, then);
}

/** Whether the lock can be had without waiting for anybody. */
async function isFree(): Promise<boolean> {
  const waiting = new AbortController();
  const options = { signal: waiting.signal, onWait: () => waiting.abort() };
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
  leave({ host, pid: spawnSync('true').pid });
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

test('a killed holder on this host is passed over at once', async () => {
  leave({ host, pid: spawnSync('true').pid });
  expect(await isFree()).toBe(true);
});

test('a holder that slept until another took over is told to stop', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const holding = withLock(folder, 'model', {}, async (signal) => {
      for (const file of readdirSync(folder)) rmSync(join(folder, file));
      vi.advanceTimersByTime(5_000);
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    await expect(holding).rejects.toMatchObject({ code: 'MODEL_LOCK_LOST' });
  } finally {
    vi.useRealTimers();
  }
});

test('a living holder is not, nor one on another host that gave a sign of life', async () => {
  leave({ host, pid: process.pid });
  expect(await isFree()).toBe(false);
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  leave({ host: 'elsewhere', pid: 1, silentSeconds: 10 });
  expect(await isFree()).toBe(false);
});

test('a holder on another host is passed over after a minute of silence', async () => {
  leave({ host: 'elsewhere', pid: 1, silentSeconds: 61 });
  expect(await isFree()).toBe(true);
});
