import type { Job } from './job.ts';
import { hashedFile, objectCopy, type Recording } from './recordings.ts';
import { type Results, resultsInFiles, resultsInS3 } from './results.ts';
import { isS3 } from './s3/address.ts';
import type { AudioCache } from './s3/audio-cache.ts';
import type { S3Objects } from './s3/objects.ts';

/** What lies in S3, opened when the first job needs it. */
export interface Remote {
  objects(): Promise<S3Objects>;
  readonly cache: AudioCache;
}

/** The recording of a job, and where its results go. */
export interface JobFiles extends Results, AsyncDisposable {
  /** The recording on this machine, as it was when it was added, until this is disposed of. @throws JobError ('JOB_AUDIO_CHANGED') */
  recording(signal: AbortSignal): Promise<string>;
}

/** Files of this machine, or of a folder that several share, or objects in S3. */
export async function openJobFiles(
  { audio, outputs }: Pick<Job, 'audio' | 'outputs'>,
  remote: Remote,
): Promise<JobFiles> {
  const since = audio.object === undefined ? audio.path : new Date(audio.object.changedMs);
  const results = Object.values(outputs).some((output) => isS3(output ?? ''))
    ? resultsInS3(await remote.objects(), since)
    : await resultsInFiles(since);
  const recording: Recording = audio.object === undefined ? hashedFile(audio) : objectCopy(audio, audio.object, remote);
  return {
    ...results,
    recording: (signal) => recording.open(signal),
    [Symbol.asyncDispose]: () => recording.close(),
  };
}
