// Reads damaged inputs of every kind with the readers of src/: WAV, FLAC, MP3, Ogg, checkpoints, the store, zip files.
//
//   node scripts/fuzz.mjs [--cheap 200000] [--decoder 20000] [--seed 1]      so many inputs in all, from a seed on
//   node scripts/fuzz.mjs --target flac,zip --count 1000 --seed 7            so many of each of these
//
// An input that makes a reader fail with anything but an error for people, take more than 2 s of the processor or 300 MiB,
// or end its process, is printed with the command that reads it again; the exit code is 1 then.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function run(...args) {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

run(join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'test', 'fuzz', 'tsconfig.json'));
run(join(root, 'build', 'fuzz', 'test', 'fuzz', 'main.js'), ...process.argv.slice(2));
