import { open } from 'node:fs/promises';
import { hashFile } from '../audio/hash-file.ts';
import { JobError } from '../errors.ts';
import type { Job } from './job.ts';
import type { Remote } from './job-files.ts';
import type { HeldAudio } from './s3/audio-cache.ts';

/** The recording of a job on this machine. */
export interface Recording {
  /** @throws JobError ('JOB_AUDIO_CHANGED') where it is not the one that was added */
  open(signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

type Audio = Job['audio'];

/** Fetched at a time, and fetched again where it does not arrive. */
const rangeBytes = 8 << 20;

export function hashedFile({ path, name, sha256 }: Audio): Recording {
  return {
    async open(signal) {
      if ((await hashFile(path, signal)).sha256 !== sha256) throw audioChanged(name);
      return path;
    },
    async close() {},
  };
}

/** What an object in S3 holds, as a file in the cache. */
export function objectCopy(
  { path: place, name, sha256, sizeBytes }: Audio,
  { etag }: NonNullable<Audio['object']>,
  { objects, cache }: Remote,
): Recording {
  let held: HeldAudio | undefined;
  return {
    async open(signal) {
      held ??= await cache.hold(sha256, sizeBytes, async (path) => {
        const s3 = await objects();
        await using file = await open(path, 'wx', 0o600);
        for (let start = 0; start < sizeBytes; start += rangeBytes) {
          const range = { start, end: Math.min(start + rangeBytes, sizeBytes) };
          const bytes = await s3.read({ place, etag }, range, signal);
          if (bytes?.length !== range.end - range.start) throw audioChanged(name);
          await file.writeFile(bytes);
        }
      });
      return held.path;
    },
    async close() {
      await held?.[Symbol.asyncDispose]();
    },
  };
}

function audioChanged(name: string): JobError {
  return new JobError('JOB_AUDIO_CHANGED', `${name} has changed since it was added to the queue`, {
    hint: 'add it again, and cancel this job',
  });
}
