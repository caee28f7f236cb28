// Races for the lock on a model that has to be prepared: processes that transcribe a clip are suspended at random moments
// for longer than a lock may be silent, one of them with its clock an hour off (where faketime is installed). Every one
// must give the text of an undisturbed run, and what is prepared must be what an undisturbed run prepares.
//   npm run build && nice -n 19 node scripts/lock-race.mjs [ROUNDS] [MODEL] [AUDIO]
// MODEL is in the store, or a folder. Each round is a line; the exit code is 1 where anything went wrong.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkpointDirectory, storeDirectory } from '../dist/model/store.js';

const [rounds = '100', model = 'whisper-tiny.en', audio = 'samples/espeak-en-16k.wav'] = process.argv.slice(2);
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const hasFaketime = spawnSync('faketime', ['--version']).status === 0;

const store = mkdtempSync(join(tmpdir(), 'whisper-npu-race-'));
process.on('exit', () => rmSync(store, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
if (!existsSync(model)) {
  const source = checkpointDirectory(storeDirectory(process.env), model);
  cpSync(source, checkpointDirectory(store, model), { recursive: true, preserveTimestamps: true });
}
/** For how long a holder of the lock may give no sign of life: shorter than a minute, so that it is lost often. */
let silenceMs = 60_000;

function transcribe(clock) {
  const args = [program, 'transcribe', '-q', '--model', model, '--offline', '--device', 'cpu', '--threads', '1'];
  args.push('--temperature-increment', '0', audio); // of a model with random weights no text would be good enough
  const [command, ...all] =
    clock === undefined ? [process.execPath, ...args] : ['faketime', '-f', clock, process.execPath, ...args];
  const child = spawn(command, all, {
    env: { ...process.env, WHISPER_NPU_HOME: store, WHISPER_NPU_LOCK_SILENCE_MS: String(silenceMs) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own: faketime is suspended with what it runs
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const result = new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { pid: child.pid, result };
}

function signal(pid, name) {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it has ended
  }
}

async function suspendAtRandom(pid, withinMs) {
  const startMs = Math.random() * withinMs;
  const pauseMs = Math.random() * 3 * silenceMs;
  await sleep(startMs);
  signal(pid, 'SIGSTOP');
  await sleep(pauseMs);
  signal(pid, 'SIGCONT');
}

async function sha256(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** What lies in the model's prepared folder: the hashes by file, and whatever is wrong with it. */
async function inspect() {
  const faults = [];
  const [name = ''] = readdirSync(join(store, 'prepared'));
  const prepared = join(store, 'prepared', name);
  const names = readdirSync(prepared);
  const folders = names.filter((name) => !name.includes('.unfinished'));
  if (folders.length !== 1) faults.push(`${folders.length} prepared folders`);
  if (names.length > folders.length) faults.push(`left behind: ${names.filter((name) => !folders.includes(name))}`);
  const locks = readdirSync(join(store, 'locks'));
  if (locks.length > 0) faults.push(`locks left: ${locks}`);
  const hashes = {};
  for (const folder of folders) {
    const { files } = JSON.parse(readFileSync(join(prepared, folder, 'manifest.json'), 'utf8'));
    for (const [file, { sha256: noted }] of Object.entries(files)) {
      hashes[file] = await sha256(join(prepared, folder, file));
      if (hashes[file] !== noted) faults.push(`${folder}/${file} is damaged`);
    }
  }
  return { hashes: JSON.stringify(hashes), faults };
}

const started = performance.now();
const reference = await transcribe().result;
const usualMs = performance.now() - started;
silenceMs = Math.min(Math.max(1000, usualMs / 3), 5000);
const whole = await inspect();
if (reference.code !== 0 || whole.faults.length > 0) throw new Error(reference.stderr || whole.faults.join('; '));
console.log(
  `undisturbed: ${usualMs.toFixed(0)} ms, silence ${silenceMs.toFixed(0)} ms, "${reference.stdout.trim()}"; faketime: ${hasFaketime}`,
);

let bad = 0;
/** Processes that lost the lock time and again, as they may on a machine so busy that everybody seems silent. */
let gaveUp = 0;
for (let round = 1; round <= Number(rounds); round++) {
  rmSync(join(store, 'prepared'), { recursive: true });
  const roundStarted = performance.now();
  const clocks = [undefined, hasFaketime ? (round % 2 === 0 ? '+1h' : '-1h') : undefined, undefined];
  const count = 2 + (round % 2);
  const processes = clocks.slice(0, count).map(transcribe);
  await Promise.all(processes.flatMap(({ pid }) => [suspendAtRandom(pid, usualMs), suspendAtRandom(pid, 3 * usualMs)]));
  // Where two pauses met, the first one's end has ended both; nobody is left suspended.
  for (const { pid } of processes) signal(pid, 'SIGCONT');
  const results = await Promise.all(processes.map(({ result }) => result));
  const { hashes, faults } = await inspect();
  if (hashes !== whole.hashes) faults.push('other files than an undisturbed run prepares');
  for (const { code, stdout, stderr } of results) {
    if (code === 4 && stderr.includes('took over the lock')) gaveUp++;
    else if (code !== 0) faults.push(`exit code ${code}: ${stderr.trim()}`);
    else if (stdout !== reference.stdout) faults.push(`WRONG TEXT ${JSON.stringify(stdout)}`);
  }
  if (faults.length > 0) bad++;
  const seconds = ((performance.now() - roundStarted) / 1000).toFixed(1);
  console.log(`round ${round}: ${count} processes, ${seconds} s: ${faults.length === 0 ? 'good' : faults.join('; ')}`);
}
console.log(`${rounds} rounds, ${bad} bad; ${gaveUp} processes gave up`);
process.exitCode = bad === 0 ? 0 : 1;
