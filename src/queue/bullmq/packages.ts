import { JobError } from '../../errors.ts';

/** What is installed beside this program by those who keep jobs in a server, and in which versions it was tried. */
const versions = { bullmq: '6.7.0', ioredis: '6.0.0', pg: '8.23.1' } as const;

/** What we need of BullMQ. */
export type BullMq = Pick<
  typeof import('bullmq'),
  'Queue' | 'Worker' | 'QueueEvents' | 'UnrecoverableError' | 'DelayedError' | 'WaitingChildrenError'
>;

/**
 * Loads BullMQ and the driver of the server. Neither is installed with this program, so that it stays small and nothing runs
 * when it is installed.
 *
 * @throws JobError ('QUEUE_PACKAGE_MISSING')
 */
export async function loadBullMq(server: 'redis' | 'postgres'): Promise<BullMq> {
  const driver = server === 'redis' ? 'ioredis' : 'pg';
  try {
    // Under a name that no compiler follows: the types of what may be missing are not needed.
    const driverName: string = driver;
    const [bullmq] = await Promise.all([import('bullmq'), import(driverName)]);
    // For all that is opened from now on; a process has one place for its jobs.
    if (server === 'postgres') bullmq.setDefaultBackendFactory(bullmq.createPostgresBackend);
    else bullmq.setDefaultBackendFactory(bullmq.createRedisBackend);
    return bullmq;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const packages = (['bullmq', driver] as const).map((name) => `${name}@${versions[name]}`).join(' ');
    throw new JobError('QUEUE_PACKAGE_MISSING', `a queue in a server needs the packages bullmq and ${driver}`, {
      hint: `install them beside whisper-npu: npm install ${packages} (with -g where whisper-npu was installed so)`,
      cause,
    });
  }
}
