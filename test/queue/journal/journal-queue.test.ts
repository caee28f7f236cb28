import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openJournalQueue } from '../../../src/queue/journal/journal-queue.ts';
import { mostInterruptions } from '../../../src/queue/queue.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { queueContract, reportsOf, result, states, work } from '../contract.ts';
import { jobNamed } from '../jobs.ts';

queueContract('jobs in a journal', async () => {
  const folder = temporaryFolder();
  return () => openJournalQueue(folder);
});

describe('jobs in a journal', () => {
  test('in the middle of which workers end time and again stay failed too', async () => {
    const folder = temporaryFolder();
    const queue = await openJournalQueue(folder);
    const { key } = jobNamed('crash');
    await queue.add([jobNamed('crash'), jobNamed('good')]);
    // As processes that were killed leave it.
    for (let i = 0; i < mostInterruptions; i++)
      appendFileSync(join(folder, 'journal.jsonl'), `\n${JSON.stringify({ what: 'begun', key })}\n`);
    expect(await reportsOf(queue)).toMatchObject([{ state: 'waiting', failures: mostInterruptions }, {}]);
    const tried: string[] = [];
    await work(queue, async ({ audio }) => {
      tried.push(audio.name);
      return result;
    });
    expect(tried).toEqual(['good.wav']);
    expect(await reportsOf(queue)).toMatchObject([{ state: 'failed', failure: { code: 'JOB_INTERRUPTED' } }, {}]);
  });

  test('of another version, or none at all, change nothing', async () => {
    const folder = temporaryFolder();
    const queue = await openJournalQueue(folder);
    await queue.add([jobNamed('a')]);
    for (const line of [
      '{"what":"exploded"}',
      '{"what":"finished","key":"nobody"}',
      '[]',
      'null',
      '{"what":"added","job":{}}',
    ])
      appendFileSync(join(folder, 'journal.jsonl'), `${line}\n`);
    expect(await states(queue)).toEqual(['waiting']);
  });
});
