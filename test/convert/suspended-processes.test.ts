import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { prepareCpu } from '../../src/convert/prepare-cpu.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { built } from '../support/build-dist.ts';
import { hangLimitMs } from '../support/hang-limit.ts';
import { writeRandomCheckpoint } from '../support/random-checkpoint.ts';

// A process that prepares a model and suspends itself when it is about to ask the file system for the n-th change or file. So it
// stops at the same moment on every machine, however busy: between any two changes that it makes to the store.
const script = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const [, checkpoint, store, stopAt] = process.argv;
  let calls = 0;
  for (const name of ['mkdir', 'open', 'writeFile', 'rename', 'rm', 'link']) {
    const real = fs.promises[name];
    fs.promises[name] = (...args) => {
      if (++calls === Number(stopAt)) process.kill(process.pid, 'SIGSTOP');
      return real(...args);
    };
  }
  syncBuiltinESMExports();
  const { openCheckpoint } = await import('${built('model/checkpoint.js')}');
  const { prepareCpu } = await import('${built('convert/prepare-cpu.js')}');
  const opened = await openCheckpoint(checkpoint);
  calls = 0;
  console.log('pid', process.pid);
  const directory = await prepareCpu(opened, { store, model: 'random' });
  console.log('calls', calls);
  console.log('directory', directory);`;

const hasFaketime = spawnSync('faketime', ['--version']).status === 0;
const silenceMs = 400;

let root: string;
let checkpoint: string;
/** What an undisturbed process prepares, and how much it asks of the file system for it. */
let hashes: string;
let calls: number;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'whisper-npu-suspended-'));
  checkpoint = join(root, 'checkpoint');
  await writeRandomCheckpoint(checkpoint);
  hashes = hashesIn(
    await prepareCpu(await openCheckpoint(checkpoint), { store: join(root, 'usual'), model: 'random' }),
  );
  calls = Number((await prepare(join(root, 'counted')).ended).get('calls'));
});
afterAll(() => rmSync(root, { recursive: true }));

interface Started {
  /** Resolves when the process has suspended itself. */
  suspendedOrEnded(): Promise<unknown>;
  /** What it printed. */
  readonly ended: Promise<Map<string, string>>;
  resume(): void;
}

function prepare(store: string, { stopAt = 0, clock }: { stopAt?: number; clock?: string | undefined } = {}): Started {
  const node = [process.execPath, '--input-type=module', '--eval', script, checkpoint, store, String(stopAt)];
  const [command = '', ...args] = clock === undefined || !hasFaketime ? node : ['faketime', '-f', clock, ...node];
  const env = { ...process.env, WHISPER_NPU_LOCK_SILENCE_MS: String(silenceMs) };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const said = new Map<string, string>();
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
    for (const line of text.split('\n').slice(0, -1))
      said.set(line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1));
  });
  const ended = new Promise<Map<string, string>>((resolve, reject) => {
    child.on('close', (code) => (code === 0 ? resolve(said) : reject(new Error(`ended with ${code}`))));
  });
  let hasEnded = false;
  child.on('exit', () => {
    hasEnded = true;
  });
  const pid = () => Number(said.get('pid'));
  const isSuspended = () => pid() > 0 && !hasEnded && stateOf(pid()) === 'T';
  return {
    suspendedOrEnded: () => vi.waitUntil(() => isSuspended() || hasEnded, { timeout: hangLimitMs, interval: 20 }),
    ended,
    resume: () => {
      if (!hasEnded) process.kill(pid(), 'SIGCONT');
    },
  };
}

function stateOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0];
  } catch {
    return undefined; // ended just now
  }
}

function hashesIn(directory: string): string {
  const names = readdirSync(directory).filter((name) => name !== 'manifest.json');
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(directory, name)))
      .digest('hex');
  return names
    .sort()
    .map((name) => `${name} ${hash(name)}`)
    .join('\n');
}

// Shares of what an undisturbed process does; the last ones are about the manifest, the rename and the end.
const moments = [0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1];

test.each(moments.map((share, i) => [share, i]))(
  'processes suspended at %f of their work end with one good folder',
  async (share, i) => {
    const store = join(root, `store-${i}`);
    const stopAt = Math.max(1, Math.floor(share * calls));
    const first = prepare(store, { stopAt });
    await first.suspendedOrEnded();
    // Every other time two are suspended at once; one has its clock an hour off.
    const clock = i % 4 < 2 ? '+1h' : '-1h';
    const second = prepare(store, { clock, stopAt: i % 2 === 0 ? 0 : stopAt + 2 });
    if (i % 2 === 1) await second.suspendedOrEnded();
    const third = i % 2 === 1 ? prepare(store) : second;
    const thirdDirectory = (await third.ended).get('directory') ?? '';
    expect(hashesIn(thirdDirectory)).toBe(hashes);
    first.resume();
    second.resume();
    const directories = [first, second, third].map(async ({ ended }) => (await ended).get('directory'));
    expect(new Set(await Promise.all(directories))).toEqual(new Set([thirdDirectory]));
    expect(hashesIn(thirdDirectory)).toBe(hashes);
    expect(readdirSync(join(store, 'prepared', 'random'))).toHaveLength(1);
    expect(readdirSync(join(store, 'locks'))).toEqual([]);
  },
);
