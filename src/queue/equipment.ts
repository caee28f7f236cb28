import { deviceNames, type Pool } from '../pool/pool.ts';
import type { SpeechModel } from '../vad/speech-model.ts';
import type { By, Job } from './job.ts';
import type { JobFiles, Remote } from './job-files.ts';
import type { PartLimits } from './split/cut-places.ts';

/** What a worker does jobs with. */
export interface Equipment {
  readonly pool: Pool;
  /** Loaded when the first job needs it. */
  speechModel(): Promise<SpeechModel>;
  readonly ffmpeg: string | undefined;
  /** Of the program. */
  readonly version: string;
  /** How much of a recording is a part. */
  readonly partLimits?: PartLimits;
  readonly remote: Remote;
  readonly onWarning: (message: string) => void;
}

/** What results say they were made with. */
export function madeBy({ pool, version }: Pick<Equipment, 'pool' | 'version'>): By {
  const { name, hash, dtype } = pool;
  return { model: name, ...(hash === undefined ? {} : { modelHash: hash }), dtype, device: deviceNames(pool), version };
}

/** A job in hand. */
export interface Work {
  readonly job: Job;
  readonly files: JobFiles;
  /** With what it is done. */
  readonly by: By;
  readonly equipment: Equipment;
  readonly signal: AbortSignal;
}
