import { JobError } from '../errors.ts';
import type { By, Job } from './job.ts';

const hint =
  'let workers of one version and one model work on a queue (another queue: --name), or mix them with --any-version';

/** Versions whose first two numbers are the same hear the same. */
function isAlike(version: string, other: string): boolean {
  const begins = (text: string) => text.split('.', 2).join('.');
  return begins(version) === begins(other);
}

/** @throws JobError ('JOB_OTHER_VERSION') where a job was added by a version that may mean something else by it */
export function checkVersion({ version: added = undefined, audio }: Job, version: string): void {
  if (added === undefined || isAlike(added, version)) return;
  throw new JobError('JOB_OTHER_VERSION', `${audio.name} was added by version ${added}, and this is ${version}`, {
    hint,
  });
}

/**
 * What is heard by different models or versions differs, and nobody would see which recording was heard by which.
 *
 * @param last with what the last job of the queue was done
 * @throws JobError ('WORKER_DIFFERS') where that is another model or version
 */
export function checkAlike(last: By | undefined, by: By): void {
  if (last === undefined) return;
  // A model that is a folder has another name wherever it lies.
  const isKnown = last.modelHash !== undefined && by.modelHash !== undefined;
  const isSameModel = isKnown ? last.modelHash === by.modelHash : last.model === by.model;
  if (isSameModel && isAlike(last.version, by.version)) return;
  throw new JobError(
    'WORKER_DIFFERS',
    `the last job of this queue was done by ${shown(last)}, and this is ${shown(by)}`,
    { hint },
  );
}

function shown({ model, modelHash, version }: By): string {
  return `version ${version} with ${model}${modelHash === undefined ? '' : ` (${modelHash})`}`;
}
