import type { SpeechModel } from '../vad/speech-model.ts';
import type { Admission } from './admission.ts';
import type { UploadLimits } from './http/upload.ts';
import type { UploadFolder } from './http/upload-folder.ts';
import type { JobDesk } from './jobs/job-desk.ts';
import type { Metrics } from './metrics.ts';
import type { ModelHost } from './model-host.ts';

/** What requests are answered with. */
export interface ServerParts {
  readonly models: ModelHost;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly uploads: UploadFolder;
  readonly uploadLimits: UploadLimits;
  /** Where it takes jobs. */
  readonly jobs?: JobDesk | undefined;
  readonly maxDurationSeconds: number;
  /** What tells speech from silence, loaded when it is first needed. */
  speechModel(): Promise<SpeechModel>;
  /** The program that decodes what is not decoded here. */
  readonly ffmpeg: string | undefined;
  readonly version: string;
}
