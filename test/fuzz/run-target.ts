import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { limits } from './targets.ts';

export interface Finding {
  readonly seed: number;
  readonly kind: string;
  readonly what: string;
}

export interface Report {
  readonly target: string;
  readonly firstSeed: number;
  readonly read: number;
  readonly refused: number;
  readonly slowest: { readonly seed: number; readonly cpuMs: number };
  /** Between the first third of the run and its end; 0 where the run was too short to say. */
  readonly grownBytes: number;
  readonly findings: readonly Finding[];
}

/** Without the processor either, an input is stuck. */
const stuckMs = 10 * 60_000;
const lookEveryMs = 500;
const child = fileURLToPath(new URL('child.js', import.meta.url));

/** Reads `count` inputs of a target, from the seed on, and goes on behind those that hang or end the process. */
export async function runTarget(target: string, firstSeed: number, count: number): Promise<Report> {
  const state = { read: 0, refused: 0, slowest: { seed: firstSeed, cpuMs: 0 }, grownBytes: 0 };
  const findings: Finding[] = [];
  for (let seed = firstSeed; seed < firstSeed + count; ) {
    const memory: number[] = [];
    const last = await runChild(target, seed, firstSeed + count, {
      end(at, outcome, cpuMs) {
        state[outcome]++;
        if (cpuMs > state.slowest.cpuMs) state.slowest = { seed: at, cpuMs };
      },
      found: (finding) => findings.push(finding),
      memory: (bytes) => memory.push(bytes),
    });
    state.grownBytes = Math.max(state.grownBytes, growth(memory));
    seed = last + 1;
  }
  if (state.grownBytes > limits.growthBytes)
    findings.push({
      seed: firstSeed,
      kind: 'growth',
      what: `memory grew by ${Math.round(state.grownBytes / 2 ** 20)} MiB`,
    });
  return { target, firstSeed, ...state, findings };
}

function growth(memory: readonly number[]): number {
  if (memory.length < 9) return 0;
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const third = Math.floor(memory.length / 3);
  return Math.max(0, median(memory.slice(-third)) - median(memory.slice(third, 2 * third)));
}

interface Listener {
  end(seed: number, outcome: 'read' | 'refused', cpuMs: number): void;
  found(finding: Finding): void;
  memory(bytes: number): void;
}

/** @returns the seed of the last input that was begun */
function runChild(target: string, firstSeed: number, endSeed: number, listener: Listener): Promise<number> {
  const args = ['--expose-gc', '--max-old-space-size=1024', child, target, `${firstSeed}`, `${endSeed}`];
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  let stderr = '';
  process_.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  let seed = firstSeed;
  let isUnderWay = false;
  let begun = { seed: -1, atMs: 0, cpuMs: 0 };
  let isGivenUp = false;
  const look = setInterval(() => {
    if (!isUnderWay) return;
    const cpuMs = cpuMsOf(process_);
    if (begun.seed !== seed) begun = { seed, atMs: Date.now(), cpuMs };
    const tookMs = { cpu: cpuMs - begun.cpuMs, wall: Date.now() - begun.atMs };
    if (isGivenUp || (tookMs.cpu <= limits.cpuMs && tookMs.wall <= stuckMs)) return;
    isGivenUp = true;
    listener.found({
      seed,
      kind: 'hang',
      what: `no end after ${tookMs.cpu} ms of the processor, ${tookMs.wall} ms in all`,
    });
    process_.kill('SIGKILL');
  }, lookEveryMs);
  const lines = createInterface({ input: process_.stdio[3] as Readable });
  lines.on('line', (line) => {
    const [word, number = '', third = '', fourth = ''] = line.split(' ');
    if (word === 'begin') [seed, isUnderWay] = [Number(number), true];
    else if (word === 'end') {
      isUnderWay = false;
      listener.end(Number(number), third === 'read' ? 'read' : 'refused', Number(fourth));
    } else if (word === 'memory') listener.memory(Number(number));
    else if (word === 'found') {
      const finding = JSON.parse(line.split(' ').slice(2).join(' ')) as Omit<Finding, 'seed'>;
      listener.found({ seed: Number(number), ...finding });
    }
  });
  return new Promise((resolve, reject) => {
    process_.on('error', reject);
    process_.on('close', (code, signal) => {
      clearInterval(look);
      if (code !== 0 && !isGivenUp) {
        if (!isUnderWay && seed === firstSeed) return reject(new Error(`the reader does not start: ${stderr}`));
        listener.found({ seed, kind: 'crash', what: `the process ended with ${signal ?? code}: ${stderr}` });
      }
      resolve(code === 0 ? endSeed - 1 : seed);
    });
  });
}

/** User and system time of a process and its threads; on other systems than Linux all time counts. */
function cpuMsOf({ pid }: ChildProcess): number {
  if (process.platform !== 'linux') return Date.now();
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0; // it has ended
  }
}
