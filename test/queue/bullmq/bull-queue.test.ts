import { readFileSync } from 'node:fs';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openBullQueue } from '../../../src/queue/bullmq/bull-queue.ts';
import type { JobQueue } from '../../../src/queue/queue.ts';
import { queueContract, reportsOf, result, states, work } from '../contract.ts';
import { jobNamed } from '../jobs.ts';
import { hasPostgres, startPostgres } from './postgres-server.ts';
import { hasRedis, type JobServer, startRedis } from './redis-server.ts';

// Read when the modules are loaded: nobody waits half a minute for a lock here.
vi.hoisted(() => {
  process.env['WHISPER_NPU_QUEUE_LOCK_MS'] = '1500';
});

/** What holds in every server. */
function holdsIn(start: () => Promise<JobServer>): void {
  let server: JobServer;
  let nQueues = 0;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  const place = async () => {
    const name = `queue${nQueues++}`;
    return async (): Promise<JobQueue> => {
      const queue = await openBullQueue(server.address, name, () => {});
      onTestFinished(() => queue[Symbol.asyncDispose]());
      return queue;
    };
  };

  queueContract('jobs', place);

  test('jobs survive a server that is killed and started again, and workers go on', async () => {
    const queue = await (await place())();
    await queue.add(['a', 'b', 'c', 'd'].map((name) => jobNamed(name)));
    let nDone = 0;
    const working = work(queue, async () => {
      if (nDone++ === 1) await server.restart();
      return result;
    });
    await working;
    expect(await states(queue)).toEqual(['finished', 'finished', 'finished', 'finished']);
    // What was done while the server was away may have to be done again.
    expect(nDone).toBeLessThanOrEqual(5);
  });

  test('what was cancelled waits nowhere', async () => {
    const queue = await (await place())();
    await queue.add([jobNamed('a'), jobNamed('b')]);
    expect(await queue.cancel([jobNamed('a').key])).toBe(1);
    expect(await queue.counts()).toEqual({ waiting: 1, active: 0, finished: 0, failed: 0, cancelled: 1 });
    expect(await queue.retry([jobNamed('a').key])).toBe(1);
    expect(await queue.counts()).toEqual({ waiting: 2, active: 0, finished: 0, failed: 0, cancelled: 0 });
  });
}

describe.skipIf(!hasRedis)('in Redis', () => {
  holdsIn(startRedis);

  test('jobs lie in the lists that deploy/kubernetes counts', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const queue = await openBullQueue(redis.address, 'default', () => {});
    onTestFinished(() => queue[Symbol.asyncDispose]());
    const client = new Redis(redis.address);
    onTestFinished(() => client.disconnect());
    const text = readFileSync('deploy/kubernetes/scaled-object.yaml', 'utf8');
    const lists = [...text.matchAll(/listName: (\S+)/g)].map(([, name = '']) => name);
    const types = async () => Promise.all(lists.map((name) => client.type(name)));
    await queue.add([jobNamed('bad', { attempts: 2 }), jobNamed('good', { priority: -1 })]);
    expect(await types()).toEqual(['zset', 'none', 'none']);
    const draining = new AbortController();
    await work(
      queue,
      async () => {
        expect(await types()).toEqual(['zset', 'none', 'list']);
        draining.abort();
        throw new Error('this once');
      },
      { draining: draining.signal },
    );
    expect(await types()).toEqual(['zset', 'zset', 'none']);
  });

  test('a job that is none of ours fails, and says so', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const queue = await openBullQueue(redis.address, 'ours', () => {});
    onTestFinished(() => queue[Symbol.asyncDispose]());
    const other = new Queue('ours', { connection: { url: redis.address }, prefix: 'whisper-npu' });
    onTestFinished(() => other.close());
    await other.add('recording', { key: 'nothing else' });
    await work(queue, async () => result);
    expect(await queue.counts()).toMatchObject({ failed: 1, finished: 0 });
    expect((await other.getFailed())[0]?.failedReason).toMatch(/^JOB_NOT_UNDERSTOOD: /);
    expect(await reportsOf(queue)).toEqual([]);
  });
});

describe.skipIf(!hasPostgres)('in PostgreSQL', () => holdsIn(startPostgres));

test('a server that is not there is told as such, without its password', async () => {
  const opening = openBullQueue('redis://user:secret@127.0.0.1:1/0', 'x', () => {});
  await expect(opening).rejects.toMatchObject({
    code: 'QUEUE_UNREACHABLE',
    message: expect.stringMatching(/^the queue at redis:\/\/127\.0\.0\.1:1\/0 cannot be reached: .*ECONNREFUSED/),
  });
});
