import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { WhisperNpuError } from '../../errors.ts';
import { makeFolder } from '../../model/make-folder.ts';
import { diskError } from '../http/upload.ts';
import { openUploadFolder, type UploadFolder } from '../http/upload-folder.ts';

// <folder>/secret                      what makes names of jobs that nobody can guess
// <folder>/whisper-npu-uploads-…/      recordings while they are sent
// <folder>/jobs/<id>/recording         as it was sent
// <folder>/jobs/<id>/about.json        what was asked of it
// <folder>/jobs/<id>/transcript.json   by a worker, when it is done
// <folder>/jobs/<id>/ended             its date says since when it is known that the job is at its end

const aboutSchema = v.object({
  /** In the queue. */
  key: v.string(),
  /** As the client calls the recording. */
  name: v.string(),
  /** The fields of the form. */
  fields: v.array(v.tuple([v.string(), v.string()])),
  createdAtMs: v.number(),
});

/** What was asked with a recording. */
export type JobAbout = Readonly<v.InferOutput<typeof aboutSchema>>;

export interface JobPaths {
  readonly recording: string;
  readonly transcript: string;
}

/** Recordings that are jobs, and what becomes of them, in a folder that several servers and workers share. */
export interface JobFolders extends AsyncDisposable {
  readonly uploads: UploadFolder;
  /** Of what is the same every time that a client sends the same. */
  idOf(content: readonly unknown[]): string;
  pathsOf(id: string): JobPaths;
  /** Keeps a recording that was sent and what was asked of it, unless both are there already. */
  keep(id: string, about: JobAbout, uploadPath: string): Promise<void>;
  /** @returns undefined for what is no job */
  about(id: string): Promise<JobAbout | undefined>;
  ids(): Promise<readonly string[]>;
  /** For how long it has been known that a job is at its end: from the first time that this is asked. */
  endedForMs(id: string): Promise<number>;
  /** It goes on. */
  reopen(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

/** An id may come from a client: it names a folder, and nothing else. */
const idPattern = /^job_[0-9a-f]{40}$/;

/** @throws WhisperNpuError ('JOBS_NOT_WRITABLE') */
export async function openJobFolders(given: string): Promise<JobFolders> {
  const folder = resolve(given);
  const jobs = join(folder, 'jobs');
  try {
    await makeFolder(jobs);
    const secret = await secretIn(folder);
    return jobFolders(jobs, secret, await openUploadFolder(folder));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WhisperNpuError('JOBS_NOT_WRITABLE', `there is no folder for jobs: ${reason}`, {
      hint: 'name one with --jobs-dir that can be written',
      cause,
    });
  }
}

function jobFolders(jobs: string, secret: string, uploads: UploadFolder): JobFolders {
  const pathOf = (id: string, name: string) => join(jobs, id, name);
  const isThere = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined;
  const pathsOf = (id: string) => ({
    recording: pathOf(id, 'recording'),
    transcript: pathOf(id, 'transcript.json'),
  });
  return {
    uploads,
    idOf: (content) => `job_${createHmac('sha256', secret).update(JSON.stringify(content)).digest('hex').slice(0, 40)}`,
    pathsOf,
    async keep(id, about, uploadPath) {
      try {
        await mkdir(join(jobs, id), { recursive: true, mode: 0o700 });
        const { recording } = pathsOf(id);
        // A newer one of the same content would make results look older than their recording.
        if (!(await isThere(recording))) await placed(uploadPath, recording);
        if (!(await isThere(pathOf(id, 'about.json')))) {
          const part = uploads.newPath();
          await writeFile(part, JSON.stringify(about), { mode: 0o600 });
          await placed(part, pathOf(id, 'about.json'));
        }
        await rm(pathOf(id, 'ended'), { force: true });
      } catch (cause) {
        throw diskError(cause);
      }
    },
    async about(id) {
      if (!idPattern.test(id)) return undefined;
      const text = await readFile(pathOf(id, 'about.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      return text === undefined ? undefined : v.parse(aboutSchema, JSON.parse(text));
    },
    ids: async () => (await readdir(jobs)).filter((name) => idPattern.test(name)),
    async endedForMs(id) {
      const mark = pathOf(id, 'ended');
      await writeFile(mark, '', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      return Date.now() - (await stat(mark)).mtimeMs;
    },
    reopen: (id) => rm(pathOf(id, 'ended'), { force: true }),
    remove: (id) => rm(join(jobs, id), { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => uploads[Symbol.asyncDispose](),
  };
}

/** What was said to be taken is on the disk before that is said. */
async function placed(part: string, path: string): Promise<void> {
  await using file = await open(part, 'r+');
  await file.datasync();
  await rename(part, path);
}

/** Whoever makes it first: two servers that do so at once name jobs differently, which does no harm. */
async function secretIn(folder: string): Promise<string> {
  const path = join(folder, 'secret');
  const read = () => readFile(path, 'utf8').catch(() => '');
  const before = await read();
  if (before !== '') return before;
  const part = `${path}-${randomBytes(6).toString('hex')}`;
  await writeFile(part, randomBytes(32).toString('hex'), { mode: 0o600 });
  await rename(part, path);
  return read();
}
