import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What a queue answers, for those who wait for it no longer than so long: a server of jobs that is away is waited for by workers.
 *
 * @throws what `late` makes when the time is over
 */
export async function answerInTime<T>(question: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
  const done = new AbortController();
  const timeIsOver = async () => {
    await sleep(limitMs, undefined, { signal: done.signal });
    throw late();
  };
  try {
    return await Promise.race([question, timeIsOver()]);
  } finally {
    done.abort();
  }
}
