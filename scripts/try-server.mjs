/**
 * Tries what a server must bear, within this machine, and prints what came of it:
 *
 *   npm run build && node scripts/try-server.mjs [--upload-mb 300] [--aborted 1000] [--damaged 20000] [--seed 1]
 *
 * An upload of so many megabytes (a WAV of silence, sent in pieces and without a length), with the memory of the server before and at its
 * peak; requests that are given up while they are sent; requests whose bytes are damaged. Ends with 1 where the server does not
 * outlive that, answers with 500, or keeps files or connections.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    'upload-mb': { type: 'string', default: '300' },
    aborted: { type: 'string', default: '1000' },
    damaged: { type: 'string', default: '20000' },
    model: { type: 'string', default: 'whisper-tiny.en' },
    seed: { type: 'string', default: '1' },
  },
});
const uploads = mkdtempSync(join(tmpdir(), 'whisper-npu-try-'));
const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const server = spawn(
  process.execPath,
  [cli, 'serve', '--port', '0', '--device', 'cpu', '--model', values.model, '--upload-dir', uploads],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
const ended = new Promise((resolve) => server.once('close', resolve));
let log = '';
let faults = 0;
server.stderr.setEncoding('utf8').on('data', (text) => {
  log = (log + text).slice(-10_000);
  const found = text.split('\n').filter((line) => / 500 in |UNEXPECTED/.test(line));
  faults += found.length;
  for (const line of found) console.error(line);
});
while (!log.includes('ready: ')) {
  if (server.exitCode !== null) throw new Error(log);
  await sleep(50);
}
const url = new URL(/listening on (\S+)/.exec(log)[1]);

/** Of the server, in bytes: what it has now, and the most that it has had. */
function memory() {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const of = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]);
  return { now: of('VmRSS'), peak: of('VmHWM') };
}
const handles = () => readdirSync(`/proc/${server.pid}/fd`).length;
const kept = () =>
  readdirSync(uploads, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
const mb = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;

const head = (boundary, name) =>
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`;

/** A WAV of silence of so many bytes. */
function wavHeader(bytes) {
  const header = Buffer.alloc(44);
  header.write('RIFF');
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(48_000, 24);
  header.writeUInt32LE(192_000, 28);
  header.writeUInt16LE(4, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  return header;
}

async function tryUpload(megabytes) {
  const bytes = Math.round((megabytes * 1e6) / 4) * 4;
  const before = memory();
  const started = performance.now();
  const answer = await new Promise((resolve, reject) => {
    const sending = request(
      {
        host: url.hostname,
        port: url.port,
        path: '/v1/audio/transcriptions',
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
      },
      (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (more) => (text += more))
          .on('end', () => resolve(`${response.statusCode} ${text.slice(0, 100)}`));
      },
    );
    sending.on('error', reject);
    (async () => {
      sending.write(head('b', 'silence.wav'));
      sending.write(wavHeader(bytes));
      const block = Buffer.alloc(1 << 20);
      for (let left = bytes; left > 0; left -= block.length)
        if (!sending.write(block.subarray(0, Math.min(left, block.length))))
          await new Promise((go) => sending.once('drain', go));
      sending.end('\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n');
    })().catch(reject);
  });
  const seconds = (performance.now() - started) / 1000;
  const after = memory();
  console.log(
    `upload of ${megabytes} MB: ${answer} in ${seconds.toFixed(1)} s; memory ${mb(before.now)} before, ${mb(after.peak)} at its peak (${mb(after.peak - before.now)} more)`,
  );
}

const body = Buffer.concat([
  Buffer.from(head('b', 'a.wav')),
  wavHeader(32_000),
  Buffer.alloc(32_000),
  Buffer.from('\r\n--b\r\nContent-Disposition: form-data; name="language"\r\n\r\nen\r\n--b--\r\n'),
]);
const whole = Buffer.concat([
  Buffer.from(
    `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n\r\n`,
  ),
  body,
]);

/** Sends bytes; gives the status of the answer, or nothing where there is none. @param end whether no more is going to come */
function send(bytes, end) {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(url.port), url.hostname);
    const timer = setTimeout(() => socket.destroy(), 20_000);
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (text.length > 12) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(/^HTTP\/1.1 (\d{3})/.exec(text)?.[1]);
    });
    if (end) socket.end(bytes);
    else socket.write(bytes, () => socket.destroy());
  });
}

async function inParallel(count, atATime, work) {
  let next = 0;
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

/** Waits until what was given up is over: the last of it may be under way. @param before its handles */
async function settle(before) {
  for (let i = 0; i < 600 && (kept() > 0 || handles() > before); i++) await sleep(100);
}

async function tryAborted(count) {
  const before = { ...memory(), handles: handles() };
  await inParallel(count, 8, async (i) => send(whole.subarray(0, 100 + ((i * 9973) % (whole.length - 100))), false));
  await settle(before.handles);
  console.log(
    `${count} requests given up: ${kept()} files, ${handles() - before.handles} more handles, memory ${mb(before.now)} before and ${mb(memory().now)} after`,
  );
}

/** The numbers of mulberry32, from 0 to 1. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function tryDamaged(count) {
  const random = randomOf(Number(values.seed));
  const below = (limit) => Math.floor(random() * limit);
  const seen = new Map();
  const before = { ...memory(), handles: handles() };
  await inParallel(count, 8, async () => {
    // Short ones, or the model would be asked each time.
    const bytes = Buffer.from(whole.subarray(0, random() < 0.02 ? whole.length : 200 + below(600)));
    for (let n = 1 + below(8); n > 0; n--) {
      const at = below(Math.min(bytes.length, 600));
      if (random() < 0.25) bytes.copy(bytes, at, below(bytes.length));
      else bytes[at] = below(256);
    }
    const status = (await send(bytes, true)) ?? 'closed';
    seen.set(status, (seen.get(status) ?? 0) + 1);
  });
  await settle(before.handles);
  const counts = [...seen].sort().map(([status, times]) => `${status}: ${times}`);
  console.log(
    `${count} damaged requests (seed ${values.seed}): ${counts.join(', ')}; ${kept()} files, memory ${mb(before.now)} before and ${mb(memory().now)} after`,
  );
}

const handlesBefore = handles() + 2; // speech and a decoder may be loaded for the first time
try {
  if (Number(values['upload-mb']) > 0) await tryUpload(Number(values['upload-mb']));
  if (Number(values.aborted) > 0) await tryAborted(Number(values.aborted));
  if (Number(values.damaged) > 0) await tryDamaged(Number(values.damaged));
  const left = kept();
  const more = handles() - handlesBefore;
  if (server.exitCode !== null || faults > 0 || left > 0 || more > 0) {
    console.error(
      `the server ${server.exitCode === null ? 'lives' : 'has ended'}, ${faults} faults, ${left} files, ${more} more handles`,
    );
    process.exitCode = 1;
  }
} finally {
  if (server.exitCode !== null || server.signalCode !== null)
    console.error(`the server has ended: ${server.exitCode ?? server.signalCode}\n${log.slice(-3000)}`);
  server.kill('SIGTERM');
  await ended;
  rmSync(uploads, { recursive: true, force: true });
}
