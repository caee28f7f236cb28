/**
 * Reads inputs one after another, in a process of its own that may hang or die. It says on file descriptor 3, a line
 * each: `begin SEED`, `end SEED read|refused CPU_MS`, `found SEED JSON`, `memory BYTES`.
 */
import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WhisperNpuError } from '../../src/errors.ts';
import { SourceError } from '../../src/model/fetch/context.ts';
import { drawing } from './draw.ts';
import { limits, targets } from './targets.ts';

const [name, firstSeed, endSeed] = process.argv.slice(2);
const target = targets.find((one) => one.name === name);
if (target === undefined) throw new Error(`there is no target ${name}`);
const say = (line: string) => writeSync(3, `${line}\n`);
const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const memoryEvery = 250;
// Decoders print what they think of damage; nobody wants to read it.
console.error = console.warn = console.log = () => undefined;

function found(seed: number, kind: string, what: string): void {
  say(`found ${seed} ${JSON.stringify({ kind, what })}`);
}

let unhandled: { readonly reason: unknown } | undefined;
process.on('unhandledRejection', (reason) => {
  unhandled = { reason };
});

for (let seed = Number(firstSeed); seed < Number(endSeed); seed++) {
  const bytes = target.make(drawing(seed));
  if (bytes.length >= 1e6) throw new Error(`input ${seed} has ${bytes.length} bytes`);
  say(`begin ${seed}`);
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
  if ((seed - Number(firstSeed)) % memoryEvery === memoryEvery - 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
    say(`memory ${process.memoryUsage.rss()}`);
  }
}
