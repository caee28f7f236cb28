/**
 * Counts what jobs cost a Redis, and says from that how many cards one Redis carries: a page of figures, not a simulator.
 *
 *   npm run build && node scripts/size-fleet.mjs [--jobs 10000] [--workers 4] [--seconds 300] [--rates 10,50,200]
 *
 * It starts a redis-server (`appendfsync always`) on a free port of this machine, adds so many jobs as `queue add` does and has
 * them done by workers in this process that do nothing but say so. `--seconds` is the length of a recording, `--rates` are
 * seconds of audio that a card (or a machine without) transcribes in a second; `whisper-npu bench` measures yours.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { openBullQueue } from '../dist/queue/bullmq/bull-queue.js';
import { jobKey } from '../dist/queue/job.js';
import { startRedis } from './queue/servers.mjs';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '10000' },
    workers: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '300' },
    rates: { type: 'string', default: '10,50,200' },
  },
});
const [nJobs, nWorkers, seconds] = [values.jobs, values.workers, values.seconds].map(Number);
const rates = values.rates.split(',').map(Number);
/** A Redis that is busy all the time answers late: more than this share of its time is too much. */
const usable = 0.5;
const idleMs = 10_000;

/** What a Redis has done so far. */
async function usage(client, folder) {
  const info = await client.info('everything');
  const number = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN);
  const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, count]) => [name, Number(count)]);
  const scripts = calls
    .filter(([name]) => /^(evalsha|eval|fcall)$/.test(name))
    .reduce((sum, [, count]) => sum + count, 0);
  const files = readdirSync(join(folder, 'appendonlydir'));
  return {
    atMs: performance.now(),
    commands: calls.reduce((sum, [, count]) => sum + count, 0),
    scripts,
    cpuSeconds: number('used_cpu_user') + number('used_cpu_sys'),
    memoryBytes: number('used_memory'),
    diskBytes: files.reduce((sum, name) => sum + statSync(join(folder, 'appendonlydir', name)).size, 0),
  };
}

function between(before, after) {
  const difference = Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]));
  return { ...difference, seconds: difference.atMs / 1000 };
}

function job(i) {
  const path = `/recordings/2026/11/call-${String(i).padStart(8, '0')}`;
  const sha256 = String(i).padStart(64, '0');
  const content = { outputs: { srt: `${path}.srt`, json: `${path}.json` }, options: { language: 'en' } };
  const audio = { path: `${path}.wav`, name: `${path}.wav`, sha256, sizeBytes: 9_600_044 };
  return { key: jobKey({ audio, ...content }), audio, ...content, priority: 0, attempts: 3 };
}

function row(title, cost) {
  const each = (value, digits) => (value / nJobs).toFixed(digits);
  const cells = [
    title,
    each(cost.scripts, 1),
    each(cost.commands, 1),
    `${each(cost.cpuSeconds * 1e6, 0)} µs`,
    each(cost.memoryBytes, 0),
    each(cost.diskBytes, 0),
    `${(nJobs / cost.seconds).toFixed(0)}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const { address, folder, stop } = await startRedis();
const client = new Redis(address);
const open = () => openBullQueue(address, 'fleet', console.error);
try {
  const queue = await open();
  const workers = await Promise.all(Array.from({ length: nWorkers }, open));
  const result = {
    audioSeconds: seconds,
    elapsedSeconds: 1,
    language: 'en',
    model: 'none',
    dtype: 'none',
    device: 'none',
    version: '0',
  };
  const draining = new AbortController();
  const work = (each, untilEmpty) =>
    each.work(async () => result, {
      concurrency: 8,
      untilEmpty,
      draining: draining.signal,
    });

  const start = await usage(client, folder);
  for (let i = 0; i < nJobs; i += 500)
    await queue.add(Array.from({ length: Math.min(500, nJobs - i) }, (_, k) => job(i + k)));
  const added = await usage(client, folder);
  await Promise.all(workers.map((each) => work(each, true)));
  const done = await usage(client, folder);
  const idling = Promise.all(workers.map((each) => work(each, false)));
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const idle = between(done, await usage(client, folder));
  draining.abort();
  await idling;

  const [adding, doing] = [between(start, added), between(added, done)];
  console.log(`${nJobs} empty jobs, ${nWorkers} workers of 8 jobs at a time, redis-server with appendfsync always\n`);
  console.log('| of a job | scripts | commands | time of Redis | memory, bytes | disk, bytes | jobs a second here |');
  console.log('|---|---|---|---|---|---|---|');
  console.log(row('adding it', adding));
  console.log(row('doing it', doing));
  const perWorker = (value) => value / nWorkers / idle.seconds;
  const idleShare = perWorker(idle.cpuSeconds);
  console.log(
    `\na worker that waits: ${perWorker(idle.commands).toFixed(0)} commands a second, ${(100 * idleShare).toFixed(2)} % of the time of Redis\n`,
  );
  const perJob = (adding.cpuSeconds + doing.cpuSeconds) / nJobs;
  console.log(`With recordings of ${seconds} s, and ${100 * usable} % of the time of one Redis:\n`);
  console.log(
    '| audio a second and card | hours of audio a day: 1 card | 8 cards | 64 cards | cards that one Redis carries |',
  );
  console.log('|---|---|---|---|---|');
  for (const rate of rates) {
    // A worker has the eight cards of its host, and looks after its jobs as one that waits does.
    const cards = usable / ((rate / seconds) * perJob + idleShare / 8);
    const hours = [1, 8, 64].map((count) => (count * rate * 24).toFixed(0));
    console.log(`| ${rate} s | ${hours.join(' | ')} | ${Math.floor(cards)} |`);
  }
  for (const each of [queue, ...workers]) await each[Symbol.asyncDispose]();
} finally {
  client.disconnect();
  await stop();
}
