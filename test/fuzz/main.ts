import { parseArgs } from 'node:util';
import { type Report, runTarget } from './run-target.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
    cheap: { type: 'string', default: '2000' },
    decoder: { type: 'string', default: '200' },
  },
});

const chosen = targets.filter(({ name }) => values.target?.split(',').includes(name) ?? true);
if (chosen.length === 0) throw new Error(`--target is one of ${targets.map(({ name }) => name).join(', ')}`);
const firstSeed = Number(values.seed);
let nFindings = 0;
for (const { name, cost } of chosen) {
  const alike = chosen.filter((other) => other.cost === cost).length;
  const count = values.count === undefined ? Math.ceil(Number(values[cost]) / alike) : Number(values.count);
  const report = await runTarget(name, firstSeed, count);
  console.log(line(report));
  for (const { seed, kind, what } of report.findings) {
    nFindings++;
    console.log(`  ${kind} at seed ${seed}: ${what.split('\n').slice(0, 6).join('\n    ')}`);
    console.log(`    again: node scripts/fuzz.mjs --target ${name} --seed ${seed} --count 1`);
  }
}
process.exitCode = nFindings === 0 ? 0 : 1;

function line({ target, firstSeed: first, read, refused, slowest, grownBytes, findings }: Report): string {
  const megabytes = (grownBytes / 2 ** 20).toFixed(1);
  return `${target}: ${read + refused} inputs from seed ${first}, ${read} read, ${refused} refused, slowest ${slowest.cpuMs} ms (seed ${slowest.seed}), memory +${megabytes} MiB, ${findings.length} findings`;
}
