import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hashFile } from '../audio/hash-file.ts';
import { JobError } from '../errors.ts';
import { outputError } from '../output/files/output-error.ts';
import { areCurrent, makeRoom, outputDate } from '../output/files/room.ts';
import { writeMissing } from '../output/files/write-together.ts';
import type { Job } from './job.ts';

/** The recording of a job, and where its results go. */
export interface JobFiles extends AsyncDisposable {
  /** Whether these are there, and none is older than the recording. */
  areCurrent(places: readonly string[]): Promise<boolean>;
  /** Sees that they can be written, before hours are spent on the recording. @throws OutputError */
  makeRoom(places: readonly string[]): Promise<void>;
  /** Writes those that are not there yet, each whole or not at all. @param files contents by place @throws OutputError */
  create(files: ReadonlyMap<string, string>): Promise<void>;
  /** @returns undefined where it is not there, or is older than the recording */
  read(place: string): Promise<string | undefined>;
  /** Removes these, which lie in one folder of their own, with that. */
  remove(places: readonly string[]): Promise<void>;
  /** The recording on this machine, as it was when it was added. @throws JobError ('JOB_AUDIO_CHANGED') */
  recording(signal: AbortSignal): Promise<string>;
}

/** Files of this machine, or of a folder that several share. */
export async function localFiles({ audio }: Pick<Job, 'audio'>): Promise<JobFiles> {
  const { path, name } = audio;
  const date = await outputDate(path);
  return {
    areCurrent: (places) => areCurrent(places, path),
    makeRoom,
    create: (files) => writeMissing(files, date, path),
    async read(place) {
      if (!(await areCurrent([place], path))) return undefined;
      return readFile(place, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw outputError(error, place);
        return undefined;
      });
    },
    async remove([first]) {
      if (first !== undefined) await rm(dirname(first), { recursive: true, force: true });
    },
    async recording(signal) {
      const { sha256 } = await hashFile(path, signal);
      if (sha256 !== audio.sha256) throw audioChanged(name);
      return path;
    },
    async [Symbol.asyncDispose]() {},
  };
}

function audioChanged(name: string): JobError {
  return new JobError('JOB_AUDIO_CHANGED', `${name} has changed since it was added to the queue`, {
    hint: 'add it again, and cancel this job',
  });
}
