import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { AudioError, NpuError } from '../../src/errors.ts';
import type { Job, JobReport, JobResult } from '../../src/queue/job.ts';
import type { JobQueue, Perform, WorkOptions } from '../../src/queue/queue.ts';
import { jobNamed, partsOf } from './jobs.ts';

export const result: JobResult = { model: 'm', dtype: 'float32', device: 'd', version: '1' };
const nobody = new AbortController().signal;

/** In the order of their names. */
export async function reportsOf(queue: JobQueue): Promise<JobReport[]> {
  const all: JobReport[] = [];
  for await (const report of queue.reports()) all.push(report);
  return all.sort((a, b) => (a.job.audio.name < b.job.audio.name ? -1 : 1));
}

export async function states(queue: JobQueue): Promise<string[]> {
  return (await reportsOf(queue)).map(({ state }) => state);
}

export function work(
  queue: JobQueue,
  perform: Perform,
  more: Partial<Omit<WorkOptions, 'onTried'>> = {},
): Promise<void> {
  const options = { concurrency: 1, untilEmpty: true, draining: nobody, ...more };
  return queue.work(perform, options);
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `job${i}`);

/**
 * What holds for jobs wherever they lie.
 *
 * @param place makes a place for jobs, which the given function opens, as often as it is called
 */
export function queueContract(title: string, place: () => Promise<() => Promise<JobQueue>>): void {
  describe(title, () => {
    test('are each done once, by however many workers', async () => {
      const open = await place();
      const queue = await open();
      expect(await queue.add(names(12).map((name) => jobNamed(name)))).toBe(12);
      expect(await queue.add(names(13).map((name) => jobNamed(name)))).toBe(1);
      const done: string[] = [];
      const perform = async ({ audio }: Job) => {
        await sleep(Math.random() * 5);
        done.push(audio.name);
        return result;
      };
      const workers = await Promise.all([1, 2, 3].map(() => open()));
      await Promise.all(workers.map((worker, i) => work(worker, perform, { concurrency: i + 1 })));
      expect(done.sort()).toEqual(
        names(13)
          .map((name) => `${name}.wav`)
          .sort(),
      );
      expect(new Set(await states(queue))).toEqual(new Set(['finished']));
    });

    test('come in the order of their priority, then in that of their coming', async () => {
      const queue = await (await place())();
      await queue.add([jobNamed('a'), jobNamed('b', { priority: 5 }), jobNamed('c', { priority: -1 }), jobNamed('d')]);
      const order: string[] = [];
      await work(queue, async ({ audio }) => {
        order.push(audio.name);
        return result;
      });
      expect(order).toEqual(['b.wav', 'a.wav', 'd.wav', 'c.wav']);
    });

    test('that fail are tried again behind the others, and stay failed with their reason in the end', async () => {
      const queue = await (await place())();
      await queue.add([jobNamed('bad', { attempts: 2 }), jobNamed('good')]);
      const tried: string[] = [];
      await work(queue, async ({ audio }) => {
        tried.push(audio.name);
        if (audio.name === 'bad.wav') throw new AudioError('AUDIO_EMPTY', 'nothing in it');
        return result;
      });
      expect(tried).toEqual(['bad.wav', 'good.wav', 'bad.wav']);
      expect(await reportsOf(queue)).toMatchObject([
        { state: 'failed', failures: 2, failure: { code: 'AUDIO_EMPTY', message: 'nothing in it' } },
        { state: 'finished', failures: 0, result },
      ]);
      const { key } = jobNamed('bad');
      expect(await queue.retry([key, jobNamed('good').key])).toBe(1);
      await work(queue, async () => result);
      expect(await states(queue)).toEqual(['finished', 'finished']);
    });

    test('are given back uncounted where the device fails, which ends the worker', async () => {
      const queue = await (await place())();
      await queue.add([jobNamed('a'), jobNamed('b')]);
      const lost = new NpuError('NPU_DEVICE_LOST', 'it is gone');
      let tried = 0;
      const perform = async () => {
        tried++;
        throw lost;
      };
      await expect(work(queue, perform)).rejects.toBe(lost);
      expect(tried).toBe(1);
      expect(await reportsOf(queue)).toMatchObject([
        { state: 'waiting', failures: 0 },
        { state: 'waiting', failures: 0 },
      ]);
    });

    test('wait while a worker cannot do any, which gives back what it has, and are done when it can again', async () => {
      const queue = await (await place())();
      await queue.add([jobNamed('a'), jobNamed('b')]);
      let isHeld = false;
      const tried: string[] = [];
      const perform = async ({ audio }: Job) => {
        tried.push(audio.name);
        if (tried.length > 1) return result;
        isHeld = true;
        throw new NpuError('NPU_DEVICE_LOST', 'it is gone');
      };
      const working = work(queue, perform, { isHeld: () => isHeld });
      await expect.poll(() => isHeld).toBe(true);
      await sleep(2000);
      expect(tried).toEqual(['a.wav']);
      expect(await reportsOf(queue)).toMatchObject([
        { state: 'waiting', failures: 0 },
        { state: 'waiting', failures: 0 },
      ]);
      isHeld = false;
      await working;
      expect(await states(queue)).toEqual(['finished', 'finished']);
    });

    test('are stopped when they are cancelled, and can be added again', async () => {
      const queue = await (await place())();
      await queue.add([jobNamed('long'), jobNamed('waits')]);
      const other = queue;
      let begun = false;
      const working = work(queue, async (_, signal) => {
        begun = true;
        await sleep(60_000, undefined, { signal });
        return result;
      });
      await expect.poll(() => begun).toBe(true);
      expect(await states(other)).toEqual(['active', 'waiting']);
      expect(await other.cancel([jobNamed('long').key, jobNamed('waits').key, jobNamed('unknown').key])).toBe(2);
      await working;
      expect(await states(queue)).toEqual(['cancelled', 'cancelled']);
      expect(await queue.add([jobNamed('long')])).toBe(1);
      expect(await states(queue)).toEqual(['waiting', 'cancelled']);
    });

    test('are told of one by one, and leave when they are at their end and not before', async () => {
      const open = await place();
      const queue = await open();
      const [good, bad, waits] = [jobNamed('good'), jobNamed('bad', { attempts: 1 }), jobNamed('waits')];
      await queue.add([good, bad]);
      expect(await queue.report(waits.key)).toBeUndefined();
      expect(await queue.report(good.key)).toMatchObject({ job: good, state: 'waiting' });
      await work(queue, async ({ audio }) => {
        if (audio.name === 'bad.wav') throw new AudioError('AUDIO_EMPTY', 'nothing in it');
        expect(await queue.report(good.key)).toMatchObject({ state: 'active' });
        return result;
      });
      await queue.add([waits]);
      expect(await queue.report(good.key)).toMatchObject({ state: 'finished', result });
      expect(await (await open()).lastResult()).toEqual(result);
      expect(await queue.report(bad.key)).toMatchObject({ state: 'failed', failure: { code: 'AUDIO_EMPTY' } });
      expect(await queue.forget([good.key, bad.key, waits.key, jobNamed('unknown').key])).toBe(2);
      await queue.cancel([waits.key]);
      expect(await queue.report(waits.key)).toMatchObject({ state: 'cancelled' });
      expect(await queue.forget([waits.key])).toBe(1);
      expect(await reportsOf(await open())).toEqual([]);
      expect(await queue.add([good])).toBe(1);
    });

    test('in hand are brought to their end by a worker that is told to stop, and no other is begun', async () => {
      const queue = await (await place())();
      await queue.add(names(4).map((name) => jobNamed(name)));
      const draining = new AbortController();
      const perform = async () => {
        draining.abort();
        await sleep(20);
        return result;
      };
      await work(queue, perform, { untilEmpty: false, draining: draining.signal });
      expect(await states(queue)).toEqual(['finished', 'waiting', 'waiting', 'waiting']);
    });

    test('are told of as they end, until nothing is left', async () => {
      const queue = await (await place())();
      await queue.add([jobNamed('a'), jobNamed('b')]);
      const told: string[] = [];
      const following = (async () => {
        for await (const { job, state } of queue.ended({ follow: true, signal: nobody }))
          told.push(`${job.audio.name} ${state}`);
      })();
      await work(queue, async () => result);
      await following;
      expect(told.sort()).toEqual(['a.wav finished', 'b.wav finished']);
    });

    describe('that are done in parts', () => {
      const whole = jobNamed('long', { split: true });
      /** What the parts come to, in memory. */
      const cutting = () => {
        const done = new Set<string>();
        const order: string[] = [];
        const perform = async ({ key, split, audio }: Job) => {
          order.push(audio.name);
          const missing = partsOf(whole, 3).filter((part) => !done.has(part.key));
          if (split === true && missing.length > 0) return { parts: missing };
          done.add(key);
          return result;
        };
        return { done, order, perform };
      };

      test('come again when all parts have ended, which come before what else waits', async () => {
        const queue = await (await place())();
        await queue.add([whole, jobNamed('other')]);
        const { order, perform } = cutting();
        await work(queue, perform);
        expect(order).toEqual(['long.wav', 'long#0', 'long#1', 'long#2', 'long.wav', 'other.wav']);
        expect(new Set(await states(queue))).toEqual(new Set(['finished']));
        expect(await queue.add([whole])).toBe(0);
      });

      test('fail with the reason of a part that fails for good, and go on from there when they are tried again', async () => {
        const queue = await (await place())();
        await queue.add([{ ...whole, attempts: 1 }]);
        const { order, perform } = cutting();
        let isBroken = true;
        const breaking = async (job: Job) => {
          if (isBroken && job.audio.name === 'long#1') throw new AudioError('AUDIO_EMPTY', 'nothing in it');
          return perform(job);
        };
        await work(queue, breaking);
        const reports = await reportsOf(queue);
        expect(reports.map(({ job, state }) => `${job.audio.name} ${state}`)).toEqual([
          'long#0 finished',
          'long#1 failed',
          'long#2 finished',
          'long.wav failed',
        ]);
        expect(reports[3]).toMatchObject({ failure: { code: 'AUDIO_EMPTY', message: 'nothing in it' } });
        isBroken = false;
        order.length = 0;
        expect(await queue.retry(reports.map(({ job }) => job.key))).toBe(1);
        await work(queue, breaking);
        expect(order).toEqual(['long.wav', 'long#1', 'long.wav']);
        expect(new Set(await states(queue))).toEqual(new Set(['finished']));
        expect(await queue.forget([whole.key])).toBe(1);
        expect(await states(queue)).toEqual([]);
      });

      test('are done anew where what a part came to is gone', async () => {
        const queue = await (await place())();
        await queue.add([whole]);
        const { done, order, perform } = cutting();
        let isLost = false;
        const losing = async (job: Job) => {
          if (job.split === true && done.size === 3 && !isLost) isLost = done.delete(partsOf(whole, 3)[2]?.key ?? '');
          return perform(job);
        };
        await work(queue, losing);
        expect(order.filter((name) => name === 'long#2')).toHaveLength(2);
        expect(new Set(await states(queue))).toEqual(new Set(['finished']));
      });

      test.each(['the whole', 'a part'])('are cancelled with all parts by %s, and can be added again', async (by) => {
        const queue = await (await place())();
        await queue.add([whole]);
        const { order, perform } = cutting();
        let begun = false;
        const waiting = async (job: Job, signal: AbortSignal) => {
          if (job.split === true) return perform(job);
          begun = true;
          await sleep(60_000, undefined, { signal });
          return result;
        };
        const working = work(queue, waiting);
        await expect.poll(() => begun).toBe(true);
        const key = by === 'the whole' ? whole.key : (partsOf(whole, 3)[2]?.key ?? '');
        expect(await queue.cancel([key])).toBe(1);
        await working;
        expect(await queue.counts()).toMatchObject({ waiting: 0, active: 0, failed: 0, cancelled: 4 });
        expect(await states(queue)).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
        expect(await queue.add([whole])).toBe(1);
        order.length = 0;
        await work(queue, perform);
        expect(order).toHaveLength(5);
        expect(new Set(await states(queue))).toEqual(new Set(['finished']));
      });
    });
  });
}
