// Reads damaged inputs of every kind with the readers of src/: WAV, FLAC, MP3, Ogg, checkpoints, the store, zip files.
//
//   node scripts/fuzz.mjs [--cheap 200000] [--decoder 20000] [--seed 1]      so many inputs in all, from a seed on
//   node scripts/fuzz.mjs --target flac,zip --count 1000 --seed 7            so many of each of these
//   node scripts/fuzz.mjs --jobs 2                                           so many targets at a time
//
// An input that makes a reader fail with anything but an error for people, take more than 2 s of the processor or 300 MiB,
// wait for 10 minutes (--stuck-seconds 600), or end its process, is printed with the command that reads it again; the exit
// code is 1 then. So it is when memory grows by more than 64 MiB between the middle of a target's run and its end; with fewer
// than 9 inputs that is not judged, and the line of the target says so. ffmpeg is never started.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status, error } = spawnSync(process.execPath, [compiler, '-p', join(root, 'test', 'fuzz', 'tsconfig.json')], {
  cwd: root,
  stdio: 'inherit',
});
if (error !== undefined) throw error;
if (status !== 0) process.exit(status ?? 1);
// In this process, so that whoever ends it ends all of it.
await import(pathToFileURL(join(root, 'build', 'fuzz', 'test', 'fuzz', 'main.js')).href);
