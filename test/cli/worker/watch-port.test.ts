import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hasDevice, heldBy } from '../../../src/cli/worker/devices-held.ts';
import { openFigures } from '../../../src/cli/worker/figures.ts';
import { openWatchPort } from '../../../src/cli/worker/watch-port.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import { openJournalQueue } from '../../../src/queue/journal/journal-queue.ts';
import type { JobQueue } from '../../../src/queue/queue.ts';
import { result } from '../../queue/contract.ts';
import { jobNamed } from '../../queue/jobs.ts';
import { errorOf, scriptedPool } from '../../server/support/test-server.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** A pool of one device, which may be taken out. */
function poolOfOne(): { readonly pool: Pool; isOut: boolean } {
  const scripted = scriptedPool();
  const device = { name: 'NPU 0', places: 1, windows: 0, windowsBegun: [], busySeconds: 0 };
  const made = {
    isOut: false,
    pool: { ...scripted, status: () => ({ ...scripted.status(), devices: [{ ...device, isOut: made.isOut }] }) },
  };
  return made;
}

async function startWatch(more: { queue?: JobQueue } = {}) {
  const one = poolOfOne();
  const state = { isDraining: false };
  const queue = more.queue ?? (await openJournalQueue(join(temporaryFolder(), 'queue')));
  const figures = openFigures(one.pool);
  const server = await openWatchPort({
    host: '127.0.0.1',
    port: 0,
    queue,
    figures,
    version: '7',
    hasDevice: () => hasDevice(one.pool),
    isDraining: () => state.isDraining,
  });
  onTestFinished(() => server.close());
  return { get: (path: string) => fetch(`${server.url}${path}`), queue, figures, one, state };
}

test('figures of a worker count its jobs by what came of them, and those of its queue', async () => {
  const { get, queue, figures } = await startWatch();
  const job = jobNamed('a');
  await queue.add([job, jobNamed('b')]);
  figures.count({ job, state: 'waiting', failures: 1 });
  figures.count({ job, state: 'failed', failures: 2 });
  figures.count({ job, state: 'finished', failures: 0, result });
  figures.count({ job, state: 'finished', failures: 0, result: { ...result, audioSeconds: 60, elapsedSeconds: 7 } });
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of [
    'jobs_total{outcome="finished"} 1',
    'jobs_total{outcome="finished already"} 1',
    'jobs_total{outcome="failed"} 1',
    'jobs_total{outcome="tried again"} 1',
    'job_failed_tries_total 2',
    'job_audio_seconds_total 60',
    'job_duration_seconds_bucket{le="5"} 0',
    'job_duration_seconds_bucket{le="10"} 1',
    'queue_answers 1',
    'queue_jobs{state="waiting"} 2',
    'device_out{model="scripted",device="NPU 0",index="0"} 0',
  ])
    expect(text).toContain(`\nwhisper_npu_${line}\n`);
});

test('a worker is ready while it takes jobs, and healthy while it runs', async () => {
  const { get, one, state } = await startWatch();
  expect(await (await get('/ready')).json()).toEqual({ status: 'ready' });
  one.isOut = true;
  expect(await errorOf(await get('/ready'))).toMatchObject({ status: 503, code: 'no_device' });
  one.isOut = false;
  state.isDraining = true;
  expect(await errorOf(await get('/ready'))).toMatchObject({ status: 503, code: 'shutting_down' });
  expect(await (await get('/health')).json()).toEqual({ status: 'ok', version: '7' });
});

test('a queue that does not answer is said by the figures, and the worker is not ready', async () => {
  const queue = await openJournalQueue(join(temporaryFolder(), 'queue'));
  const { get } = await startWatch({ queue: { ...queue, counts: () => Promise.reject(new Error('it is away')) } });
  const text = await (await get('/metrics')).text();
  expect(text).toContain('\nwhisper_npu_queue_answers 0\n');
  expect(text).not.toContain('queue_jobs');
  expect(await errorOf(await get('/ready'))).toMatchObject({ status: 503, code: 'queue_unreachable' });
});

test('a worker says once that no device works, and once that one does again', () => {
  const one = poolOfOne();
  const said: string[] = [];
  const isHeld = heldBy(one.pool, { note: (text) => said.push(text), warn: (text) => said.push(`! ${text}`) });
  const asked = [false, true, true, false, false].map((isOut) => {
    one.isOut = isOut;
    return isHeld();
  });
  expect(asked).toEqual([false, true, true, false, false]);
  expect(said).toEqual([
    '! no device works: no jobs are taken until one does, which is tried now and then',
    'a device works again: jobs are taken',
  ]);
});
