/**
 * Loads a server with many clients, within this machine, and prints what it bears:
 *
 *   npm run build && node scripts/load-server.mjs [--clients 64] [--seconds 120] [--model whisper-base] [--dtype int8] [--device cpu]
 *
 * It starts a server, and gives each of a few clips of 5 to 30 s to it alone: that is the clip's text. Then every client sends one clip after the
 * other for so many seconds. Each answer has to be 200 with the text of the clip that was sent, or 429, after which its client
 * comes again as it is told. Half as many clients do the same for half as long. Before and behind all that the same clips go through the library's pool,
 * as many at a time and for a quarter of the time each, for comparison (`--no-pool` leaves that out). Ends with 1 where an answer is anything else.
 *
 * Beside seconds by the clock it counts those of the processor, which other programs of the machine change less.
 *
 * With `--kill-device` one of several NPUs of the stand-in is killed in the middle of the load:
 *
 *   npm run build:stand-in && WHISPER_NPU_ACL_LIBRARY=build/stand-in/libascendcl.so WHISPER_NPU_ATC=build/stand-in/atc STAND_IN_DEVICES=4 \
 *     node scripts/load-server.mjs --device npu:all --dtype float16 --model whisper-tiny.en --clients 16 --seconds 60 --kill-device --no-pool
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeClips } from './load/clips.mjs';
import { childrenOf, cpuSecondsOf, memoryMbOf } from './load/processes.mjs';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '120' },
    model: { type: 'string', default: 'whisper-base' },
    dtype: { type: 'string', default: 'int8' },
    device: { type: 'string', default: 'cpu' },
    'no-pool': { type: 'boolean', default: false },
    'kill-device': { type: 'boolean', default: false },
  },
});
const clients = Math.min(1000, Number(values.clients));
const seconds = Math.min(3600, Number(values.seconds));
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-load-'));
const clips = makeClips(join(root, 'samples/espeak-en-16k.wav'), folder);
const faults = [];
let server;

/** The n-th of some shares of sorted numbers. */
function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const settings = ['--model', values.model, '--device', values.device, '--dtype', values.dtype];

/** Starts the server, and comes when it has its model. */
async function startServer() {
  const args = [join(root, 'dist/cli/main.js'), 'serve', '--port', '0', '--upload-dir', folder, ...settings];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  server = { child, url: '', log: '' };
  child.stderr.setEncoding('utf8').on('data', (text) => {
    // What it says of requests is of no interest.
    for (const line of text.split('\n'))
      if (!/ 200 /.test(line) && server.log.length < 20_000) server.log += `${line}\n`;
  });
  while (!server.log.includes('ready: ')) {
    if (child.exitCode !== null) throw new Error(server.log);
    await sleep(50);
  }
  server.url = /listening on (\S+)/.exec(server.log)[1];
}

/** Sends a clip. @returns its status and, if it was answered, its text */
async function send(clip) {
  const form = new FormData();
  form.append('file', new Blob([clip.bytes]), 'clip.wav');
  form.append('response_format', 'text');
  form.append('temperature_increment', '0'); // one attempt at each window, or texts would be a matter of how many a clip takes
  const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body: form });
  return {
    status: response.status,
    text: (await response.text()).trim(),
    again: Number(response.headers.get('retry-after') ?? 1),
  };
}

/** One clip after the other, until the time is over. */
async function beClient(number, until, seen) {
  for (let n = number; performance.now() < until; n += 3) {
    const clip = clips[n % clips.length];
    const asked = performance.now();
    const { status, text, again } = await send(clip).catch((error) => ({
      status: String(error.cause ?? error),
    }));
    if (status === 429) {
      seen.busy++;
      await sleep(1000 * Math.min(again, Math.max(0, (until - performance.now()) / 1000)));
    } else if (status === 200 && text === clip.text) {
      seen.times.push((performance.now() - asked) / 1000);
      seen.audioSeconds += clip.seconds;
    } else if (faults.push(`client ${number}: ${status} ${text}, not ${clip.text}`) > 20) return;
  }
}

/** Kills a device of the stand-in, which is a process that the server has started. */
function killDevice() {
  const device = childrenOf(server.child.pid).find(({ command }) => command.includes('device/main.js'));
  if (device === undefined) throw new Error('the server has no devices of the stand-in');
  process.kill(device.pid, 'SIGKILL');
  console.log(`device of process ${device.pid} killed`);
}

async function loadServer(count, duration) {
  const { pid } = server.child;
  const seen = { times: [], busy: 0, audioSeconds: 0 };
  const memory = [memoryMbOf(pid)];
  const watching = setInterval(() => memory.push(memoryMbOf(pid)), 1000);
  const killing = values['kill-device'] ? setTimeout(() => killDevice(), 500 * duration) : undefined;
  const before = { at: performance.now(), cpu: cpuSecondsOf(pid), faults: faults.length };
  const until = before.at + 1000 * duration;
  await Promise.all(Array.from({ length: count }, (_, number) => beClient(number, until, seen)));
  clearInterval(watching);
  clearTimeout(killing);
  const took = (performance.now() - before.at) / 1000;
  const { times, busy, audioSeconds } = seen;
  console.log(
    `server, ${count} clients: ${times.length} answers, ${busy} told to come again, ${faults.length - before.faults} wrong, in ${took.toFixed(1)} s; ` +
      `p50 ${quantile(times, 0.5).toFixed(2)} s, p95 ${quantile(times, 0.95).toFixed(2)} s`,
  );
  const half = Math.floor(memory.length / 2);
  console.log(
    `memory: ${memory[0].toFixed(0)} MB before, at most ${Math.max(...memory.slice(0, half)).toFixed(0)} MB in the first half and ` +
      `${Math.max(...memory.slice(half)).toFixed(0)} MB in the second`,
  );
  // What a device that was killed had of the processor is not to be had any more.
  const cpu = values['kill-device'] ? Number.NaN : cpuSecondsOf(pid) - before.cpu;
  return said('server', { audioSeconds, took, cpu });
}

/** The same clips, as many at a time, without HTTP. */
async function loadPool(duration) {
  const { openPool, openRecording } = await import('../dist/index.js');
  const pool = await openPool({ model: values.model, device: values.device, dtype: values.dtype });
  const started = performance.now();
  const { user, system } = process.cpuUsage();
  let audioSeconds = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let n = client; performance.now() < started + 1000 * duration; n += 3) {
        const clip = clips[n % clips.length];
        const recording = await openRecording(clip.path);
        let text = '';
        for await (const segment of pool.transcribe(recording, { temperatures: [0] })) text += segment.text;
        await recording[Symbol.asyncDispose]();
        if (text.trim() !== clip.text) faults.push(`pool: ${text}, not ${clip.text}`);
        audioSeconds += clip.seconds;
      }
    }),
  );
  const took = (performance.now() - started) / 1000;
  const used = process.cpuUsage({ user, system });
  await pool.close();
  return said('pool alone', { audioSeconds, took, cpu: (used.user + used.system) / 1e6 });
}

function said(who, { audioSeconds, took, cpu }) {
  const byProcessor = Number.isNaN(cpu) ? '' : `, ${(audioSeconds / cpu).toFixed(1)} s in a second of the processor`;
  console.log(
    `${who}: ${(audioSeconds / took).toFixed(1)} s of audio a second${byProcessor}; load of the machine ${loadavg()[0].toFixed(1)}`,
  );
  return { audioSeconds, took, cpu };
}

function share(server, pools) {
  const sum = (name) => pools.reduce((total, pool) => total + pool[name], 0);
  const percent = (name) => (100 * (server.audioSeconds / server[name])) / (sum('audioSeconds') / sum(name));
  return `the server reaches ${percent('took').toFixed(0)} % of the pool by the clock, ${percent('cpu').toFixed(0)} % by the processor`;
}

const cleanUp = () => {
  server?.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    cleanUp();
    process.exit(1);
  });
try {
  await startServer();
  console.log(
    `${clients} clients for ${seconds} s, ${/ready: (.*)/.exec(server.log)[1]}; load of the machine ${loadavg()[0].toFixed(1)}`,
  );
  for (const clip of clips) clip.text = (await send(clip)).text;
  // Each text has to say which clip it is of.
  const texts = clips.map(({ text }) => text);
  const told = clips.filter(({ text }) => text !== '' && texts.indexOf(text) === texts.lastIndexOf(text));
  if (told.length < 3) throw new Error(`clips cannot be told apart: ${texts.join(' | ')}`);
  clips.splice(0, clips.length, ...told);
  console.log(`${clips.length} clips of ${clips.map((clip) => clip.seconds.toFixed(0)).join(', ')} s`);
  const pools = values['no-pool'] ? [] : [await loadPool(seconds / 4)];
  const served = await loadServer(clients, seconds);
  await loadServer(Math.ceil(clients / 2), seconds / 2);
  server.child.kill('SIGTERM');
  await new Promise((resolve) => server.child.once('close', resolve));
  if (server.child.exitCode !== 0) faults.push(`the server ended with ${server.child.exitCode}`);
  for (const line of server.log.split('\n')) if (/has failed|works again/.test(line)) console.log(line);
  if (pools.length > 0) {
    pools.push(await loadPool(seconds / 4));
    console.log(share(served, pools));
  }
  for (const fault of faults.slice(0, 20)) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  cleanUp();
}
