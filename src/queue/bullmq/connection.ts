import type { Queue } from 'bullmq';
import { JobError } from '../../errors.ts';
import type { Job, JobResult } from '../job.ts';

/** A queue of BullMQ's with our jobs in it. */
export type Bull = Queue<Job, JobResult, string>;

/** Before all names of ours in a server that may hold other things too. */
export const prefix = 'whisper-npu';

/** How long a server that was there once is waited for is its own business; one that never was is an error after this. */
const firstAnswerMs = 5000;
/** The same where nothing is known to be wrong: it, or this machine, may be busy. */
const busyAnswerMs = 20_000;

/** Where a server of jobs is. */
export interface ServerAddress {
  readonly server: 'redis' | 'postgres';
  /** Without the password. */
  readonly shown: string;
  /** As BullMQ takes it. */
  readonly connection: { readonly [option: string]: string | boolean | null };
}

export function parseAddress(address: string): ServerAddress {
  const url = new URL(address);
  const server = url.protocol.startsWith('redis') ? 'redis' : 'postgres';
  const connection =
    server === 'postgres'
      ? { connectionString: address, schema: 'whisper_npu', migrate: true }
      : // Commands wait for a server that is being restarted, however long that takes.
        { url: address, maxRetriesPerRequest: null };
  return { server, shown: `${url.protocol}//${url.host}${url.pathname}`, connection };
}

/**
 * Waits until a server answers.
 *
 * @param lastProblem what was the matter with the last try
 * @throws JobError ('QUEUE_UNREACHABLE')
 */
export async function firstAnswer(
  ready: Promise<unknown>,
  shown: string,
  lastProblem: () => Error | undefined,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(lastProblem() ?? new Error('it does not answer'));
    timer = setTimeout(() => {
      if (lastProblem() !== undefined) giveUp();
      else timer = setTimeout(giveUp, busyAnswerMs - firstAnswerMs);
    }, firstAnswerMs);
  });
  try {
    await Promise.race([ready, late]);
  } catch (cause) {
    const problem =
      cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
    throw new JobError('QUEUE_UNREACHABLE', `the queue at ${shown} cannot be reached: ${problem}`, {
      hint: 'check that the server runs there, and the address, its password and its port',
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
