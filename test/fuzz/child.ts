/**
 * Reads inputs one after another, in a process of its own that may hang or die. It says on file descriptor 3, a line
 * each: `begin SEED`, `end SEED read|refused CPU_MS`, `found SEED JSON`, `memory BYTES`.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { WhisperNpuError } from '../../src/errors.ts';
import { SourceError } from '../../src/model/fetch/context.ts';
import { drawing } from './draw.ts';
import { faultyTargets } from './faulty-targets.ts';
import { measureEvery } from './memory-growth.ts';
import { limits, targets } from './targets.ts';

const [name, first, end, folder] = process.argv.slice(2);
const [firstSeed, endSeed] = [Number(first), Number(end)];
const target = [...targets, ...faultyTargets].find((one) => one.name === name);
if (target === undefined) throw new Error(`there is no target ${name}`);
if (folder === undefined) throw new Error('there is no folder to work in');
const say = (line: string) => writeSync(3, `${line}\n`);
const memoryEvery = measureEvery(endSeed - firstSeed);
const watch = new Worker(new URL('parent-watch.js', import.meta.url), { workerData: folder, execArgv: [] });
await once(watch, 'message');
watch.unref();
// Decoders print what they think of damage; nobody wants to read it.
console.error = console.warn = console.log = () => undefined;

function found(seed: number, kind: string, what: string): void {
  say(`found ${seed} ${JSON.stringify({ kind, what })}`);
}

let unhandled: { readonly reason: unknown } | undefined;
process.on('unhandledRejection', (reason) => {
  unhandled = { reason };
});

for (let seed = firstSeed; seed < endSeed; seed++) {
  say(`begin ${seed}`);
  const bytes = target.make(drawing(seed));
  if (bytes.length >= 1e6) throw new Error(`input ${seed} has ${bytes.length} bytes`);
  const before = { cpu: process.cpuUsage(), peakKb: process.resourceUsage().maxRSS };
  let outcome = 'read';
  const inputFolder = mkdtempSync(join(folder, 'input-'));
  try {
    await target.read(bytes, inputFolder);
  } catch (error) {
    outcome = 'refused';
    if (!(error instanceof WhisperNpuError || error instanceof SourceError))
      found(seed, 'unexpected error', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  if (unhandled !== undefined)
    found(seed, 'unhandled rejection', String((unhandled.reason as Error)?.stack ?? unhandled.reason));
  unhandled = undefined;
  rmSync(inputFolder, { recursive: true, force: true });
  const { user, system } = process.cpuUsage(before.cpu);
  const cpuMs = Math.round((user + system) / 1000);
  if (cpuMs > limits.cpuMs) found(seed, 'slow', `took ${cpuMs} ms of the processor`);
  const grownKb = process.resourceUsage().maxRSS - before.peakKb;
  if (grownKb * 1024 > limits.inputMemoryBytes) found(seed, 'memory', `took ${Math.round(grownKb / 1024)} MiB`);
  say(`end ${seed} ${outcome} ${cpuMs}`);
  if ((seed - firstSeed) % memoryEvery === memoryEvery - 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
    say(`memory ${process.memoryUsage.rss()}`);
  }
}
