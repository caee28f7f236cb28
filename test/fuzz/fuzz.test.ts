import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';

const script = fileURLToPath(new URL('../../scripts/fuzz.mjs', import.meta.url));

const started: ChildProcess[] = [];
afterAll(() => {
  for (const fuzzing of started) fuzzing.kill('SIGKILL');
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const fuzzing = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(fuzzing);
  return fuzzing;
}

async function fuzz(...args: readonly string[]) {
  const fuzzing = start(args);
  let output = '';
  fuzzing.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [status] = await once(fuzzing, 'close');
  return { status, output };
}

/** `KIND SEED` of every finding. */
const findings = (output: string) =>
  Array.from(output.matchAll(/^ {2}(.+) at seed (\d+): /gm), ([, kind, seed]) => `${kind} ${seed}`);

const faults = [
  ['hang', ['hang 5', 'hang 6'], /no end after \d+ ms of the processor/],
  ['abort', ['crash 5', 'crash 6'], /the process ended with SIGABRT/],
  ['silence', ['crash 5', 'crash 6'], /the process ended with 13/],
  ['input', ['crash 5', 'crash 6'], /RangeError: no such input can be made/],
  ['throw', ['unexpected error 5', 'unexpected error 6'], /TypeError: cannot read properties/],
  ['rejection', ['unhandled rejection 5', 'unhandled rejection 6'], /nobody listens/],
  ['greed', ['memory 5'], /took \d{3} MiB/],
] as const;

describe('of readers with faults', () => {
  let status: unknown;
  let output: string;
  beforeAll(async () => {
    const targets = faults.map(([fault]) => `faulty-${fault}`).join(',');
    ({ status, output } = await fuzz('--target', targets, '--seed', '5', '--count', '2'));
  });

  test.each(faults)('%s is found out, and the inputs behind are read', (fault, found, what) => {
    const perTarget = output.split(/^(?=faulty-)/m);
    const part = perTarget.find((lines) => lines.startsWith(`faulty-${fault}: `)) ?? '';
    expect(findings(part)).toEqual(found);
    expect(part).toMatch(what);
  });

  test('the exit code tells', () => {
    expect(status).toBe(1);
  });
});

test('a reader that takes too long or waits for ever is found out', async () => {
  const { status, output } = await fuzz(
    '--target',
    'faulty-slowness,faulty-wait',
    '--count',
    '1',
    '--stuck-seconds',
    '5',
  );
  expect(findings(output).sort()).toEqual(['hang 1', expect.stringMatching(/^(slow|hang) 1$/)]);
  expect(status).toBe(1);
});

test('the growth of memory is judged in short runs, and where it cannot be the line says so', async () => {
  const short = await fuzz('--target', 'faulty-growth', '--count', '8');
  expect(short.output).toContain('memory not judged, 0 findings');
  expect(short.status).toBe(0);
  const longer = await fuzz('--target', 'faulty-growth', '--count', '24');
  expect(findings(longer.output)).toEqual(['growth 1']);
  expect(longer.status).toBe(1);
});

/** Ended processes may stay in the table for a while. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false; // there is no such process
  }
  return !existsSync('/proc/self') || readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] !== 'Z';
}

test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'after a %s neither a reader that hangs nor its files are left',
  async (signal) => {
    const folder = temporaryFolder();
    const fuzzing = start(['--target', 'faulty-hang', '--count', '1000'], { TMPDIR: folder });
    const hangingPid = () => {
      const path = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('hanging'));
      return path === undefined ? 0 : Number(readFileSync(join(folder, path), 'utf8'));
    };
    while (hangingPid() === 0) await setTimeout(20);
    const pid = hangingPid();
    fuzzing.kill(signal);
    await once(fuzzing, 'close');
    while (isAlive(pid)) await setTimeout(20);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('no damaged input makes a reader fail with anything but an error for people, hang, or lose memory', async () => {
  const { status, output } = await fuzz('--cheap', '1400', '--decoder', '120');
  const lines = output.trimEnd().split('\n');
  expect(lines.filter((line) => !line.endsWith(' 0 findings'))).toEqual([]);
  const audio = ['wav', 'aiff', 'caf', 'flac', 'mp3', 'opus', 'vorbis'];
  const models = ['safetensors', 'model.bin', 'configs', 'index', 'tokenizer', 'manifests', 'zip'];
  expect(lines.map((line) => line.split(':')[0]).sort()).toEqual([...audio, ...models].sort());
  expect(status).toBe(0);
});
