import { join } from 'node:path';
import { storeDirectory } from '../../model/store.ts';
import { openJournalQueue } from '../../queue/journal/journal-queue.ts';
import type { JobQueue } from '../../queue/queue.ts';
import type { Session } from '../session.ts';

/** The options that say which queue is meant. */
interface QueueOptions {
  readonly queueName: string;
}

/** Opens the queue that a command line means. */
export function openQueue({ queueName }: QueueOptions, session: Session): Promise<JobQueue> {
  return openJournalQueue(join(storeDirectory(session.env), 'queue', queueName));
}
