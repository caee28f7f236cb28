/**
 * Loads a server with many clients, within this machine, and prints what it bears:
 *
 *   npm run build && node scripts/load-server.mjs [--clients 64] [--seconds 120] [--model whisper-base] [--dtype int8] [--device cpu]
 *
 * It starts a server, and gives each of a few clips of 5 to 30 s to it alone: that is the clip's text. Then every client sends one clip after the
 * other for so many seconds. Each answer has to be 200 with the text of the clip that was sent, or 429, after which its client
 * comes again as it is told. Then the same clips go through the library's pool for half as long, as many at a time, for comparison
 * (`--no-pool` leaves that out). Ends with 1 where an answer is anything else.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '120' },
    model: { type: 'string', default: 'whisper-base' },
    dtype: { type: 'string', default: 'int8' },
    device: { type: 'string', default: 'cpu' },
    'no-pool': { type: 'boolean', default: false },
  },
});
const clients = Math.min(1000, Number(values.clients));
const seconds = Math.min(3600, Number(values.seconds));
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-load-'));
const bytesPerSecond = 32_000;

/** Clips of 5 to 30 s: a sentence and parts of it, one to four times, with pauses. */
function makeClips() {
  const sample = readFileSync(join(root, 'samples/espeak-en-16k.wav'));
  const sentence = sample.subarray(44);
  const pause = Buffer.alloc(bytesPerSecond);
  const begin = (seconds) => sentence.subarray(0, seconds * bytesPerSecond);
  const clips = [
    [sentence],
    [sentence, begin(1.5)],
    [sentence, begin(3)],
    [sentence, sentence],
    [begin(3), sentence, sentence],
    [sentence, sentence, sentence],
    [sentence, sentence, begin(3), sentence],
    [sentence, sentence, sentence, sentence],
  ];
  return clips.map((parts, i) => {
    const data = Buffer.concat(parts.flatMap((part) => [part, pause]));
    const header = Buffer.from(sample.subarray(0, 44));
    header.writeUInt32LE(36 + data.length, 4);
    header.writeUInt32LE(data.length, 40);
    const path = join(folder, `${i}.wav`);
    writeFileSync(path, Buffer.concat([header, data]));
    return { path, seconds: data.length / bytesPerSecond, bytes: readFileSync(path), text: undefined };
  });
}

/** The n-th of some shares of sorted numbers. */
function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const settings = ['--model', values.model, '--device', values.device, '--dtype', values.dtype];
const cli = join(root, 'dist/cli/main.js');
const server = spawn(process.execPath, [cli, 'serve', '--port', '0', '--upload-dir', folder, ...settings], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
let log = '';
server.stderr.setEncoding('utf8').on('data', (text) => {
  if (log.length < 10_000) log += text;
});
const clips = makeClips();
const faults = [];
let url = '';

/** Sends a clip. @returns its status and, if it was answered, its text */
async function send(clip) {
  const form = new FormData();
  form.append('file', new Blob([clip.bytes]), 'clip.wav');
  form.append('response_format', 'text');
  form.append('temperature_increment', '0'); // one attempt at each window, or texts would be a matter of how many a clip takes
  const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form });
  return {
    status: response.status,
    text: (await response.text()).trim(),
    again: Number(response.headers.get('retry-after') ?? 1),
  };
}

function memoryMb() {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1000;
}

async function loadServer() {
  const until = performance.now() + 1000 * seconds;
  const times = [];
  const memory = [memoryMb()];
  let busy = 0;
  let audioSeconds = 0;
  const watching = setInterval(() => memory.push(memoryMb()), 1000);
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let n = client; performance.now() < until; n += 3) {
        const clip = clips[n % clips.length];
        const asked = performance.now();
        const { status, text, again } = await send(clip).catch((error) => ({ status: String(error.cause ?? error) }));
        if (status === 429) {
          busy++;
          await sleep(1000 * Math.min(again, Math.max(0, (until - performance.now()) / 1000)));
        } else if (status === 200 && text === clip.text) {
          times.push((performance.now() - asked) / 1000);
          audioSeconds += clip.seconds;
        } else if (faults.push(`client ${client}: ${status} ${text}, not ${clip.text}`) > 20) return;
      }
    }),
  );
  clearInterval(watching);
  const took = (performance.now() - started) / 1000;
  console.log(
    `server: ${times.length} answers, ${busy} told to come again, ${faults.length} wrong, in ${took.toFixed(1)} s; ` +
      `${(audioSeconds / took).toFixed(1)} s of audio a second; p50 ${quantile(times, 0.5).toFixed(2)} s, p95 ${quantile(times, 0.95).toFixed(2)} s`,
  );
  const half = Math.floor(memory.length / 2);
  console.log(
    `memory: ${memory[0].toFixed(0)} MB before, at most ${Math.max(...memory.slice(0, half)).toFixed(0)} MB in the first half and ` +
      `${Math.max(...memory.slice(half)).toFixed(0)} MB in the second`,
  );
  return audioSeconds / took;
}

/** The same clips, as many at a time, without HTTP. */
async function loadPool(most) {
  const { openPool, openRecording } = await import('../dist/index.js');
  const pool = await openPool({ model: values.model, device: values.device, dtype: values.dtype });
  const started = performance.now();
  const until = started + 500 * seconds;
  let audioSeconds = 0;
  let count = 0;
  await Promise.all(
    Array.from({ length: most }, async (_, client) => {
      for (let n = client; performance.now() < until; n += 3) {
        const clip = clips[n % clips.length];
        const recording = await openRecording(clip.path);
        let text = '';
        for await (const segment of pool.transcribe(recording, { temperatures: [0] })) text += segment.text;
        await recording[Symbol.asyncDispose]();
        if (text.trim() !== clip.text) faults.push(`pool: ${text}, not ${clip.text}`);
        audioSeconds += clip.seconds;
        count++;
      }
    }),
  );
  const took = (performance.now() - started) / 1000;
  await pool.close();
  console.log(
    `pool alone: ${count} texts in ${took.toFixed(1)} s; ${(audioSeconds / took).toFixed(1)} s of audio a second`,
  );
  return audioSeconds / took;
}

try {
  while (!log.includes('ready: ')) {
    if (server.exitCode !== null) throw new Error(log);
    await sleep(50);
  }
  url = /listening on (\S+)/.exec(log)[1];
  console.log(
    `${clients} clients for ${seconds} s, ${/ready: (.*)/.exec(log)[1]}; load of the machine ${loadavg()[0].toFixed(1)}`,
  );
  for (const clip of clips) clip.text = (await send(clip)).text;
  // Each text has to say which clip it is of.
  const texts = clips.map(({ text }) => text);
  const told = clips.filter(({ text }) => text !== '' && texts.indexOf(text) === texts.lastIndexOf(text));
  if (told.length < 3) throw new Error(`clips cannot be told apart: ${texts.join(' | ')}`);
  clips.splice(0, clips.length, ...told);
  console.log(`${clips.length} clips of ${clips.map((clip) => clip.seconds.toFixed(0)).join(', ')} s`);
  const served = await loadServer();
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('close', resolve));
  console.log(`load of the machine ${loadavg()[0].toFixed(1)}`);
  if (!values['no-pool']) {
    const alone = await loadPool(clients);
    console.log(
      `the server reaches ${((100 * served) / alone).toFixed(0)} % of the pool; load of the machine ${loadavg()[0].toFixed(1)}`,
    );
  }
  for (const fault of faults.slice(0, 20)) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
