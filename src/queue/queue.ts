import type { Job, JobReport, JobResult, JobState, Outcome } from './job.ts';

/** How a worker works. */
export interface WorkOptions {
  /** How many jobs at a time. */
  readonly concurrency: number;
  /** Ends the work when every job is finished, failed or cancelled. */
  readonly untilEmpty: boolean;
  /** Once this is aborted, what is in hand is brought to its end and nothing more is begun. */
  readonly draining: AbortSignal;
  /**
   * Whether nothing can be done for now, as when no device works: no job is begun then, and one that has failed for this goes back
   * without ending the work.
   */
  isHeld?(): boolean;
  /** Told of each job that was tried. */
  onTried?(report: JobReport): void;
}

/** Jobs, and what is done with them. Disposing of it leaves them where they are. */
export interface JobQueue extends AsyncDisposable {
  /** For people: where it is. */
  readonly place: string;
  /** Jobs that are there already stay as they are; those that were cancelled wait again. @returns how many are new */
  add(jobs: readonly Job[]): Promise<number>;
  /** How many jobs are in each state. */
  counts(): Promise<Readonly<Record<JobState, number>>>;
  /** @returns undefined where there is no such job */
  report(key: string): Promise<JobReport | undefined>;
  /** Of the job that was finished last. */
  lastResult(): Promise<JobResult | undefined>;
  /** All jobs, or those in one of these states. */
  reports(states?: readonly JobState[]): AsyncIterable<JobReport>;
  /** Jobs that have come to their end: those that had, and with `follow` those that do, until nothing is left. */
  ended(options: { readonly follow: boolean; readonly signal: AbortSignal }): AsyncIterable<JobReport>;
  /** What waits is not begun, what is being done is stopped; a part stands for its whole, with all other parts. @returns how many that were, parts not counted */
  cancel(keys: readonly string[]): Promise<number>;
  /** Those that failed or were cancelled wait again, as if they had just been added; a part stands for its whole. @returns how many that were */
  retry(keys: readonly string[]): Promise<number>;
  /** Those that are at their end leave the queue, as if they had never been there. @returns how many that were */
  forget(keys: readonly string[]): Promise<number>;
  /**
   * Does jobs until it is told to end. One of which parts come waits until these have come to their end and is then performed again; it
   * fails where one of them has failed for good. The work ends, too, when an error is about none of them (`isAboutJob()` in failure.ts): then what it was
   * met with goes back as if it had not been begun.
   *
   * @param perform does one; its signal is aborted where it is cancelled or somebody else has taken it over
   * @throws that error
   */
  work(perform: Perform, options: WorkOptions): Promise<void>;
}

/** Does a job, or says which are to be done first. What a job asks for a second time has to be done again. */
export type Perform = (job: Job, signal: AbortSignal) => Promise<Outcome>;

/** How often a job may be begun by workers that end in the middle of it, until it counts as what ends them. */
export const mostInterruptions = 5;

/** How long a job that failed rests before it is tried again. */
export function restMs(failures: number): number {
  return Math.min(1000 * 2 ** (failures - 1), 60_000);
}
