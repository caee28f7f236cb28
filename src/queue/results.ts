import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { outputError } from '../output/files/output-error.ts';
import { areCurrent, changeOf, makeRoom, outputDate } from '../output/files/room.ts';
import { writeMissing } from '../output/files/write-together.ts';
import type { S3Object, S3Objects } from './s3/objects.ts';

/** Where the results of a job go. */
export interface Results {
  /** Whether these are there, and none is older than the recording. */
  areCurrent(places: readonly string[]): Promise<boolean>;
  /** Sees that they can be written, before hours are spent on the recording. @throws OutputError */
  makeRoom(places: readonly string[]): Promise<void>;
  /** Writes those that are not there yet, each whole or not at all. @param files contents by place @throws OutputError, JobError */
  create(files: ReadonlyMap<string, string>): Promise<void>;
  /** @returns undefined where it is not there, or is older than the recording */
  read(place: string): Promise<string | undefined>;
  /** Removes these, which lie in one folder of their own, with that. */
  remove(places: readonly string[]): Promise<void>;
}

/** @param recording its path, or when it was changed */
export async function resultsInFiles(recording: string | Date): Promise<Results> {
  const date = await outputDate(recording);
  return {
    areCurrent: (places) => areCurrent(places, recording),
    makeRoom,
    create: (files) => writeMissing(files, date, recording),
    async read(place) {
      if (!(await areCurrent([place], recording))) return undefined;
      return readFile(place, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw outputError(error, place);
        return undefined;
      });
    },
    async remove([first]) {
      if (first !== undefined) await rm(dirname(first), { recursive: true, force: true });
    },
  };
}

/** @param recording its path, or when it was changed */
export function resultsInS3(objects: S3Objects, recording: string | Date): Results {
  const isCurrent = async (found: S3Object | undefined): Promise<boolean> => {
    const changedMs = await changeOf(recording);
    // S3 knows whole seconds only.
    return found !== undefined && changedMs !== undefined && found.changedMs >= Math.floor(changedMs / 1000) * 1000;
  };
  return {
    async areCurrent(places) {
      for (const place of places) if (!(await isCurrent(await objects.find(place)))) return false;
      return true;
    },
    async makeRoom() {},
    async create(files) {
      for (const [place, content] of files) {
        const bytes = new Uint8Array(Buffer.from(content));
        if (await objects.create(place, bytes)) continue;
        const found = await objects.find(place);
        // What is older than the recording is no output of it; where that is replaced meanwhile, it is by another worker.
        if (!(await isCurrent(found))) await objects.create(place, bytes, found);
      }
    },
    async read(place) {
      const found = await objects.find(place);
      if (found === undefined || !(await isCurrent(found))) return undefined;
      return (await objects.read(found, { start: 0, end: found.sizeBytes }))?.toString();
    },
    async remove(places) {
      for (const place of places) await objects.remove(place);
    },
  };
}
