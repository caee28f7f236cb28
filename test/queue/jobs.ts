import type { Job } from '../../src/queue/job.ts';
import type { Remote } from '../../src/queue/job-files.ts';

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

/** The parts of such a job. */
export function partsOf(whole: Job, count: number): Job[] {
  const { split, ...rest } = whole;
  const stem = whole.audio.name.replace('.wav', '');
  return Array.from({ length: count }, (_, i) => ({
    ...rest,
    key: jobNamed(`${stem}#${i}`).key,
    audio: { ...whole.audio, name: `${stem}#${i}` },
    part: { of: whole.key, startSeconds: 300 * i, endSeconds: 300 * (i + 1), path: `/out/parts/${i}` },
  }));
}

/** For jobs about files alone. */
export const nothingRemote: Remote = {
  objects: () => Promise.reject(new Error('nobody asked for S3')),
  cache: { hold: () => Promise.reject(new Error('nobody asked for S3')) },
};
