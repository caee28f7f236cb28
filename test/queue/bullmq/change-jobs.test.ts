import { expect, test } from 'vitest';
import type { BullParts } from '../../../src/queue/bullmq/bull-queue.ts';
import { forgetOne } from '../../../src/queue/bullmq/change-jobs.ts';

/** A queue with one job at its end, whose removals fail so often because a worker does something at the same moment. */
function partsWith(nDeadlocks: number, code = '40P01') {
  let nTries = 0;
  const jobs = {
    getJobState: async () => 'completed',
    async remove() {
      if (++nTries <= nDeadlocks) throw Object.assign(new Error('deadlock detected'), { code });
      return 4; // a whole with three parts, as PostgreSQL counts
    },
  };
  return { parts: { jobs, cancelled: jobs } as unknown as BullParts, tries: () => nTries };
}

test('a job is removed although PostgreSQL undid it for the sake of a worker', async () => {
  const { parts, tries } = partsWith(2);
  expect(await forgetOne('a', parts)).toBe(true);
  expect(tries()).toBe(3);
});

test('what fails for ever, or for another reason, is said', async () => {
  await expect(forgetOne('a', partsWith(Number.POSITIVE_INFINITY).parts)).rejects.toThrow('deadlock detected');
  const other = partsWith(1, '08006');
  await expect(forgetOne('a', other.parts)).rejects.toThrow('deadlock detected');
  expect(other.tries()).toBe(1);
});
