import { join } from 'node:path';
import { storeDirectory } from '../../model/store.ts';
import { openBullQueue } from '../../queue/bullmq/bull-queue.ts';
import { openJournalQueue } from '../../queue/journal/journal-queue.ts';
import type { JobQueue } from '../../queue/queue.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** The options that say which queue is meant. */
interface QueueOptions {
  readonly queueName: string;
  readonly queue?: string;
}

/** Opens the queue that a command line means. */
export function openQueue({ queue, queueName }: QueueOptions, session: Session, terminal: Terminal): Promise<JobQueue> {
  if (queue === undefined) return openJournalQueue(join(storeDirectory(session.env), 'queue', queueName));
  return openBullQueue(queue, queueName, terminal.warn);
}
