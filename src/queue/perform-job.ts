import { type Equipment, madeBy, type Work } from './equipment.ts';
import { hear, optionsOf } from './hear.ts';
import { type Job, type Outcome, outputPaths } from './job.ts';
import { openJobFiles } from './job-files.ts';
import { outputsOf } from './outputs.ts';
import { performPart } from './split/perform-part.ts';
import { performSplit, removeParts } from './split/perform-split.ts';

/**
 * Transcribes a job's recording into those of its outputs that are not there yet. Doing it twice, or by two workers at the same
 * time, comes to the same: the first one's files stay.
 *
 * @returns the parts that are missing where it is to be done in parts
 * @throws JobError where the recording is not the one that was added, or the job is none that this version knows; AudioError,
 *   OutputError; what the devices throw
 */
export async function performJob(job: Job, equipment: Equipment, signal: AbortSignal): Promise<Outcome> {
  const by = madeBy(equipment);
  await using files = await openJobFiles(job, equipment.remote);
  if (await files.areCurrent(outputPaths(job).map(([, output]) => output))) {
    if (job.split === true) await removeParts(job, files);
    return by;
  }
  const work = { job, files, by, equipment, signal };
  if (job.part !== undefined) return performPart(work, job.part);
  if (job.split === true) return (await performSplit(work)) ?? performWhole(work);
  return performWhole(work);
}

async function performWhole({ job, files, by, equipment, signal }: Work): Promise<Outcome> {
  const started = performance.now();
  const path = await files.recording(signal);
  await files.makeRoom(outputPaths(job).map(([, output]) => output));
  const options = optionsOf(job, equipment);
  const transcript = { ...(await hear(path, job, options, equipment, signal)), model: by.model, device: by.device };
  signal.throwIfAborted();
  await files.create(outputsOf(job, transcript, options));
  const { language, audioSeconds } = transcript;
  const elapsedSeconds = (performance.now() - started) / 1000;
  return { ...by, audioSeconds, elapsedSeconds, ...(language === undefined ? {} : { language }) };
}
