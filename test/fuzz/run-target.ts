import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { growth } from './memory-growth.ts';
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
  /** Between the middle of the run and its end; undefined where the run was too short to say. */
  readonly grownBytes: number | undefined;
  readonly findings: readonly Finding[];
}

const lookEveryMs = 500;
const child = fileURLToPath(new URL('child.js', import.meta.url));

/**
 * Where inputs lie: in memory, where the system has files there and nobody asks for another folder. On a disk the removal
 * of a file takes longer than most readers do.
 */
const temporary = process.env['TMPDIR'] === undefined && existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * Reads `count` inputs of a target, from the seed on, and goes on behind those that hang or end the process.
 *
 * @param stuckMs after so long an input is stuck that takes no time of the processor either
 */
export async function runTarget(target: string, firstSeed: number, count: number, stuckMs: number): Promise<Report> {
  const state = { read: 0, refused: 0, slowest: { seed: firstSeed, cpuMs: 0 } };
  let grownBytes: number | undefined;
  const findings: Finding[] = [];
  for (let seed = firstSeed; seed < firstSeed + count; ) {
    const memory: number[] = [];
    const last = await runChild(
      { target, firstSeed: seed, endSeed: firstSeed + count, stuckMs },
      {
        end(at, outcome, cpuMs) {
          state[outcome]++;
          if (cpuMs > state.slowest.cpuMs) state.slowest = { seed: at, cpuMs };
        },
        found: (finding) => findings.push(finding),
        memory: (bytes) => memory.push(bytes),
      },
    );
    const grown = growth(memory);
    if (grown !== undefined) grownBytes = Math.max(grownBytes ?? 0, grown);
    seed = last + 1;
  }
  if (grownBytes !== undefined && grownBytes > limits.growthBytes)
    findings.push({ seed: firstSeed, kind: 'growth', what: `memory grew by ${Math.round(grownBytes / 2 ** 20)} MiB` });
  return { target, firstSeed, ...state, grownBytes, findings };
}

interface Listener {
  end(seed: number, outcome: 'read' | 'refused', cpuMs: number): void;
  found(finding: Finding): void;
  memory(bytes: number): void;
}

interface Inputs {
  readonly target: string;
  readonly firstSeed: number;
  readonly endSeed: number;
  readonly stuckMs: number;
}

/** @returns the seed of the last input that was begun */
function runChild({ target, firstSeed, endSeed, stuckMs }: Inputs, listener: Listener): Promise<number> {
  const folder = mkdtempSync(join(temporary, 'whisper-npu-fuzz-'));
  const args = ['--expose-gc', '--max-old-space-size=1024', child, target, `${firstSeed}`, `${endSeed}`, folder];
  const process_ = spawn(process.execPath, args, {
    // Standard input is how the child learns that this process has ended, however it did: see parent-watch.ts. That is
    // what an interrupt at a terminal does too, which is why the child is in a group of its own: it tidies up then.
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    detached: true,
    // ffmpeg, which is asked about what nobody here knows, is another's program, and may not be there.
    env: { ...process.env, PATH: '' },
  });
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
      rmSync(folder, { recursive: true, force: true });
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
