import { parseArgs } from 'node:util';
import { faultyTargets } from './faulty-targets.ts';
import { type Report, runTarget } from './run-target.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
    cheap: { type: 'string', default: '2000' },
    decoder: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '2' },
    'stuck-seconds': { type: 'string', default: '600' },
  },
});

const names = values.target?.split(',');
const chosen =
  names === undefined ? targets : [...targets, ...faultyTargets].filter(({ name }) => names.includes(name));
if (chosen.length === 0) throw new Error(`--target is one of ${targets.map(({ name }) => name).join(', ')}`);
const firstSeed = Number(values.seed);
const stuckMs = 1000 * Number(values['stuck-seconds']);
const waiting = chosen.map(({ name, cost }) => {
  const alike = chosen.filter((other) => other.cost === cost).length;
  return { name, count: Number(values.count ?? Math.ceil(Number(values[cost]) / alike)) };
});
let nFindings = 0;

async function runWaiting(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const report = await runTarget(next.name, firstSeed, next.count, stuckMs);
    console.log(line(report));
    for (const { seed, kind, what } of report.findings) {
      nFindings++;
      console.log(`  ${kind} at seed ${seed}: ${what.split('\n').slice(0, 6).join('\n    ')}`);
      console.log(`    again: node scripts/fuzz.mjs --target ${next.name} --seed ${seed} --count 1`);
    }
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, runWaiting));
process.exitCode = nFindings === 0 ? 0 : 1;

function line({ target, firstSeed: first, read, refused, slowest, grownBytes, findings }: Report): string {
  const memory = grownBytes === undefined ? 'not judged' : `+${(grownBytes / 2 ** 20).toFixed(1)} MiB`;
  return `${target}: ${read + refused} inputs from seed ${first}, ${read} read, ${refused} refused, slowest ${slowest.cpuMs} ms (seed ${slowest.seed}), memory ${memory}, ${findings.length} findings`;
}
