import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from './target.ts';

/** Readers with every fault that there is to find, for the test of what finds them. Nobody gets them without their names. */
const faulty = (fault: string, read: Target['read']): Target => ({
  name: `faulty-${fault}`,
  cost: 'cheap',
  make: (draw) => Buffer.of(draw.below(2)),
  read,
});

const keptForever: Buffer[] = [];

export const faultyTargets: readonly Target[] = [
  faulty('hang', async (_, folder) => {
    writeFileSync(join(folder, 'hanging'), String(process.pid));
    for (;;);
  }),
  faulty('wait', async () => {
    await new Promise((resolve) => setInterval(() => resolve, 1e6));
  }),
  faulty('silence', () => new Promise(() => undefined)),
  faulty('slowness', async () => {
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 2.2e6);
  }),
  faulty('abort', async () => process.abort()),
  {
    ...faulty('input', async () => undefined),
    make() {
      throw new RangeError('no such input can be made');
    },
  },
  faulty('throw', async () => {
    throw new TypeError('cannot read properties of undefined');
  }),
  faulty('rejection', async () => {
    void Promise.reject(new Error('nobody listens'));
    await new Promise((resolve) => setImmediate(resolve));
  }),
  faulty('greed', async () => {
    Buffer.alloc(400 * 2 ** 20, 1);
  }),
  faulty('growth', async () => {
    keptForever.push(Buffer.alloc(12 * 2 ** 20, 1));
  }),
];
