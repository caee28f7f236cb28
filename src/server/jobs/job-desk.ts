import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashFile } from '../../audio/hash-file.ts';
import { inTurn, type Turns } from '../../backend/in-turn.ts';
import type { FormOptions } from '../../options/tables.ts';
import { readTranscript } from '../../output/read-json.ts';
import type { Transcript } from '../../output/transcript.ts';
import { answerInTime } from '../../queue/answer-in-time.ts';
import { type Job, type JobReport, jobKey } from '../../queue/job.ts';
import { wishesOf } from '../../queue/job-options.ts';
import type { JobQueue } from '../../queue/queue.ts';
import { RequestError, unavailable } from '../http/request-error.ts';
import type { UploadedForm } from '../http/upload.ts';
import type { UploadFolder } from '../http/upload-folder.ts';
import { type JobAbout, type JobFolders, openJobFolders } from './job-folders.ts';
import { isEnded, openSweeper, sweep } from './sweep.ts';

export interface JobDeskOptions {
  /** Where workers find the jobs. */
  readonly queue: JobQueue;
  /** Where recordings and results lie, for the server and for workers. */
  readonly directory: string;
  /** For how long both are kept after the end of a job. */
  readonly keepSeconds: number;
  /** Of the program. */
  readonly version: string;
  /** How many may be on their way. */
  readonly maxJobs: number;
  /** Told of what goes wrong while nobody asks. */
  onWarning(message: string): void;
}

/** A job of a client. */
export interface ClientJob {
  readonly id: string;
  readonly about: JobAbout;
  readonly report: JobReport;
}

/** A recording that was sent, and what is asked of it. */
interface Sent {
  readonly file: NonNullable<UploadedForm['file']>;
  readonly fields: UploadedForm['fields'];
  readonly options: FormOptions;
  readonly maxSeconds: number;
}

/** Takes recordings as jobs, and says what became of them. */
export interface JobDesk extends AsyncDisposable {
  readonly uploads: UploadFolder;
  /** How many jobs wait for a worker. */
  waiting(): Promise<number>;
  /** @throws RequestError 429 where too many jobs are on their way */
  checkRoom(): Promise<void>;
  /** The same recording with the same fields is the same job; one that failed or was cancelled is tried again. */
  take(sent: Sent): Promise<ClientJob>;
  /** @throws RequestError 404 */
  find(id: string): Promise<ClientJob>;
  /** The job now, and whenever its state has changed, until its end or that of the server. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<ClientJob>;
  /** @throws RequestError 409 where the job has none */
  transcript(job: ClientJob): Promise<Transcript>;
  /** Cancels a job, or removes one that is at its end. @returns undefined for one that is gone now */
  drop(id: string): Promise<ClientJob | undefined>;
  /** Lets those go who watch. */
  drain(): void;
}

const lookMs = 500;
/** What waits for a server of jobs that is away waits no longer. */
const answerMs = 10_000;
/** Each has a connection. */
export const maxWatchers = 256;
/** How often a recording that fails is tried. */
const mostTries = 3;

/** What the desk's answers are made from. */
interface Parts extends JobDeskOptions {
  readonly folders: JobFolders;
  /** What makes and what removes a job do not meet. */
  readonly turns: Turns;
}

/** @throws WhisperNpuError where the folder cannot be used */
export async function openJobDesk(options: JobDeskOptions): Promise<JobDesk> {
  const { queue, onWarning } = options;
  const parts: Parts = { ...options, folders: await openJobFolders(options.directory), turns: inTurn() };
  const { folders, turns } = parts;
  const keepMs = 1000 * options.keepSeconds;
  const sweeper = openSweeper(() => turns.take(() => sweep(folders, queue, keepMs)), keepMs, onWarning);
  let nWatchers = 0;
  let isDraining = false;
  return {
    uploads: folders.uploads,
    waiting: async () => (await answered(queue.counts())).waiting,
    checkRoom: () => checkRoom(parts),
    take: (sent) => take(sent, parts),
    find: (id) => find(id, parts),
    async *watch(id, signal) {
      if (nWatchers >= maxWatchers)
        throw new RequestError(429, 'TOO_MANY_REQUESTS', 'too many jobs are being watched', { retryAfterSeconds: 60 });
      nWatchers++;
      try {
        for (let before = ''; !isDraining; await sleep(lookMs, undefined, { signal })) {
          const job = await find(id, parts);
          const { state, failures } = job.report;
          const now = `${state} ${failures}`;
          if (now !== before) yield job;
          before = now;
          if (isEnded(job.report)) return;
        }
      } finally {
        nWatchers--;
      }
    },
    transcript: (job) => transcriptOf(job, folders),
    drop: (id) => turns.take(() => drop(id, parts)),
    drain() {
      isDraining = true;
    },
    async [Symbol.asyncDispose]() {
      isDraining = true;
      await sweeper[Symbol.asyncDispose]();
      await turns.ended();
      await folders[Symbol.asyncDispose]();
    },
  };
}

async function find(id: string, { folders, queue }: Parts): Promise<ClientJob> {
  const about = await folders.about(id);
  const report = about === undefined ? undefined : await answered(queue.report(about.key));
  if (about !== undefined && report !== undefined) return { id, about, report };
  throw new RequestError(404, 'JOB_NOT_FOUND', `there is no job ${id.slice(0, 60)} here`, {
    hint: 'jobs are removed some time after their end',
  });
}

async function checkRoom({ queue, maxJobs }: Parts): Promise<void> {
  const { waiting, active } = await answered(queue.counts());
  if (waiting + active < maxJobs) return;
  throw new RequestError(429, 'TOO_MANY_JOBS', `${waiting + active} jobs are on their way`, {
    hint: 'come again when some of them are done',
    retryAfterSeconds: 60,
  });
}

async function take({ file, fields, options, maxSeconds }: Sent, parts: Parts): Promise<ClientJob> {
  const { folders, queue, turns, version } = parts;
  const { path, name } = file;
  const hashed = await hashFile(path);
  return turns.take(async () => {
    const id = folders.idOf([hashed.sha256, name, fields]);
    const { recording, transcript } = folders.pathsOf(id);
    const asked = { outputs: { json: transcript }, options: wishesOf(options) };
    const audio = { path: recording, name, ...hashed };
    const key = jobKey({ audio, ...asked });
    const said = fields.map(([field, value]): [string, string] => [field, value]);
    await folders.keep(id, { key, name, fields: said, createdAtMs: Date.now() }, path);
    const job: Job = { key, audio, ...asked, priority: 0, attempts: mostTries, version, maxSeconds };
    if ((await answered(queue.add([job]))) === 0) await answered(queue.retry([key]));
    return find(id, parts);
  });
}

async function transcriptOf({ id, report: { state } }: ClientJob, folders: JobFolders): Promise<Transcript> {
  if (state !== 'finished')
    throw new RequestError(409, 'JOB_NOT_FINISHED', `the job is ${state}, and has no result`, {
      hint: 'ask for the job itself: it says how it stands',
    });
  const text = await readFile(folders.pathsOf(id).transcript, 'utf8').catch(
    (error: NodeJS.ErrnoException) => error.code,
  );
  const transcript = text === undefined ? undefined : readTranscript(text);
  if (transcript !== undefined) return transcript;
  throw new RequestError(500, 'JOB_RESULT_UNREADABLE', 'the result of the job cannot be read', {
    hint: 'delete the job, and send the recording again',
  });
}

async function drop(id: string, parts: Parts): Promise<ClientJob | undefined> {
  const { folders, queue } = parts;
  const { about, report } = await find(id, parts);
  const keys = [about.key];
  if (!isEnded(report)) await answered(queue.cancel(keys));
  else if ((await answered(queue.forget(keys))) > 0) {
    await folders.remove(id);
    return undefined;
  }
  return find(id, parts);
}

function answered<T>(question: Promise<T>): Promise<T> {
  return answerInTime(question, answerMs, () => unavailable('QUEUE_UNREACHABLE', 'the queue does not answer', 30));
}
