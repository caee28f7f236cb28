/**
 * Measures what a job costs beside its transcription: claiming it, comparing its recording, writing its result and saying that it
 * is done. A worker in this process does jobs one after the other, with a device that needs a tenth of a second and no processor
 * for each, which is taken off.
 *
 *   npm run build && node scripts/measure-jobs.mjs [--jobs 200] [--queues journal,redis,postgres] [--work-ms 100] [--profile]
 *
 * `--profile` says which functions took this process's time. redis-server (`appendfsync always`) and PostgreSQL are started on
 * free ports of this machine; their processor time is not counted, waiting for them is.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { hashFile } from '../dist/audio/hash-file.js';
import { openBullQueue } from '../dist/queue/bullmq/bull-queue.js';
import { jobKey } from '../dist/queue/job.js';
import { openJournalQueue } from '../dist/queue/journal/journal-queue.js';
import { performJob } from '../dist/queue/perform-job.js';
import { startPostgres, startRedis } from './queue/servers.mjs';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    queues: { type: 'string', default: 'journal,redis,postgres' },
    'work-ms': { type: 'string', default: '100' },
    profile: { type: 'boolean', default: false },
  },
});
const nJobs = Number(values.jobs);
const workMs = Number(values['work-ms']);
const sample = readFileSync(new URL('../samples/espeak-en-16k.wav', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-jobs-'));

const segment = {
  id: 0,
  seek: 0,
  startSeconds: 0,
  endSeconds: 5,
  text: ' This is what was said.',
  tokens: [1, 2, 3],
  temperature: 0,
  avgLogprob: -0.1,
  compressionRatio: 1,
  language: 'en',
};
let workedMs = 0;
const pool = {
  name: 'none',
  dtype: 'int8',
  status: () => ({ devices: [{ name: 'a device', isOut: false }] }),
  async *transcribe() {
    const begun = performance.now();
    await sleep(workMs);
    workedMs += performance.now() - begun;
    yield segment;
  },
};
const equipment = { pool, speechModel: () => undefined, ffmpeg: undefined, version: '0', onWarning: console.error };

async function jobsIn(name) {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  return Promise.all(
    Array.from({ length: nJobs }, async (_, i) => {
      const path = join(place, `${i}.wav`);
      // No two have the same content.
      writeFileSync(path, Buffer.concat([sample.subarray(0, -4), Buffer.from(Uint32Array.of(i).buffer)]));
      const content = { outputs: { json: `${path}.json` }, options: { language: 'en' } };
      const audio = { path, name: path, ...(await hashFile(path)) };
      return { key: jobKey({ audio, ...content }), audio, ...content, priority: 0, attempts: 3 };
    }),
  );
}

async function measure(name, queue) {
  await queue.add(await jobsIn(name));
  const session = new Session();
  session.connect();
  if (values.profile) {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
  }
  workedMs = 0;
  const begun = performance.now();
  const cpu = process.cpuUsage();
  const draining = new AbortController();
  let done = 0;
  let endedAt = begun;
  await queue.work((job, signal) => performJob(job, equipment, signal), {
    concurrency: 1,
    untilEmpty: false,
    draining: draining.signal,
    onTried() {
      endedAt = performance.now();
      done += 1;
      if (done === nJobs) draining.abort();
    },
  });
  const { user, system } = process.cpuUsage(cpu);
  const counts = await queue.counts();
  if (counts.finished !== nJobs) throw new Error(`only ${counts.finished} jobs are finished`);
  const wallMs = (endedAt - begun - workedMs) / nJobs;
  console.log(`| ${name} | ${wallMs.toFixed(1)} | ${((user + system) / 1000 / nJobs).toFixed(1)} |`);
  if (values.profile) tellProfile((await session.post('Profiler.stop')).profile);
}

/** Functions by their own time. */
function tellProfile({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map();
  for (const [i, id] of samples.entries()) {
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    const where = `${functionName || '(anonymous)'} ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`;
    times.set(where, (times.get(where) ?? 0) + timeDeltas[i]);
  }
  const most = [...times].sort(([, a], [, b]) => b - a).slice(0, 25);
  for (const [where, micros] of most) console.log(`  ${(micros / 1000 / nJobs).toFixed(3)} ms ${where}`);
}

const opened = {
  journal: async () => ({ queue: await openJournalQueue(join(folder, 'queue')), stop: async () => {} }),
  redis: () => openIn(startRedis),
  postgres: () => openIn(startPostgres),
};

async function openIn(start) {
  const { address, stop } = await start();
  return { queue: await openBullQueue(address, 'measured', console.error), stop };
}

console.log(`${nJobs} jobs of 5.6 s, one after the other\n`);
console.log('| queue | a job beside its transcription, ms | of these time of the processor, ms |');
console.log('|---|---|---|');
try {
  for (const name of values.queues.split(',')) {
    const { queue, stop } = await opened[name]();
    try {
      await measure(name, queue);
    } finally {
      await queue[Symbol.asyncDispose]();
      await stop();
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
