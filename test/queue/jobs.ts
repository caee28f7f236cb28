import type { Job } from '../../src/queue/job.ts';

/** A job about no recording at all. */
export function jobNamed(name: string, more: Partial<Job> = {}): Job {
  const hash = Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);
  return {
    key: hash,
    audio: { path: `/audio/${name}.wav`, name: `${name}.wav`, sha256: hash, sizeBytes: 1 },
    outputs: { txt: `/out/${name}.txt` },
    options: {},
    priority: 0,
    attempts: 3,
    ...more,
  };
}
