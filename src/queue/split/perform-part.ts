import type { Work } from '../equipment.ts';
import { hear, optionsOf } from '../hear.ts';
import type { Job, JobResult } from '../job.ts';
import type { PartResult } from './part-files.ts';

/** Hears a part of a recording, and writes down what was said in it for the one that puts all parts together. */
export async function performPart(
  { job, files, by, equipment, signal }: Work,
  { startSeconds, endSeconds, path: place }: NonNullable<Job['part']>,
): Promise<JobResult> {
  if (await files.areCurrent([place])) return by;
  const started = performance.now();
  const path = await files.recording(signal);
  await files.makeRoom([place]);
  const extent = { startSeconds, ...(endSeconds === undefined ? {} : { endSeconds }) };
  const options = { ...optionsOf(job, equipment), ...extent };
  const { segments, language, audioSeconds } = await hear(path, job, options, equipment, signal);
  signal.throwIfAborted();
  const elapsedSeconds = (performance.now() - started) / 1000;
  const result = { ...by, audioSeconds, elapsedSeconds, ...(language === undefined ? {} : { language }) };
  const written: PartResult = { segments, result };
  await files.create(new Map([[place, `${JSON.stringify(written)}\n`]]));
  return result;
}
