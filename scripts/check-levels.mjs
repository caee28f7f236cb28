// Sees that the engine's levels stay apart in a linked binary for x86-64: outside of a level's namespace there is no
// instruction that not every processor has. Functions of the standard library and inline ones of ours are compiled for
// every level and linked once, so the order of linking decides whose stays (CMakeLists.txt).
//   node scripts/check-levels.mjs [build/Release/whisper_cpu.node]
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binary = process.argv[2] ?? join(root, 'build', 'Release', 'whisper_cpu.node');

/** What tells the instructions of a level from those of the levels below it, and where they may stand. */
const kinds = [
  { name: 'AVX-512', uses: /%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])/, levels: /level_avx512/ },
  { name: 'AVX-VNNI', uses: /^\{vex\} vpdp/, levels: /level_avxvnni/ },
  { name: 'AVX', uses: /^v/, levels: /level_avx/ },
];

const options = ['--disassemble', '--no-show-raw-insn', binary];
const { status, stdout, stderr } = spawnSync('objdump', options, { encoding: 'utf8', maxBuffer: 2 ** 30 });
if (status !== 0) {
  console.error(stderr);
  process.exit(1);
}

let symbol = '';
const seen = new Map(kinds.map(({ name }) => [name, 0]));
const astray = new Map();
for (const line of stdout.split('\n')) {
  const label = /^[0-9a-f]+ <(.+)>:$/.exec(line);
  if (label !== null) symbol = label[1];
  const instruction = /^ *[0-9a-f]+:\s+(\S.*)$/.exec(line)?.[1];
  const kind = instruction === undefined ? undefined : kinds.find(({ uses }) => uses.test(instruction));
  if (kind === undefined) continue;
  seen.set(kind.name, seen.get(kind.name) + 1);
  if (!kind.levels.test(symbol)) astray.set(symbol, instruction);
}
for (const [where, instruction] of astray) console.error(`${where}: ${instruction}`);
// Where there are none at all, this looked at the wrong thing.
const isWhole = [...seen.values()].every((count) => count > 0);
console.log([...seen].map(([name, count]) => `${count} instructions of ${name}`).join(', '), `in ${binary}`);
if (astray.size > 0) console.error(`${astray.size} functions outside of their level use them`);
process.exit(astray.size === 0 && isWhole ? 0 : 1);
