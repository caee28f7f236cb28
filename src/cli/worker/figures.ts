import type { Pool } from '../../pool/pool.ts';
import { type JobReport, type JobState, jobStates } from '../../queue/job.ts';
import { poolFigures } from '../../server/pool-figures.ts';
import { figure, openHistogram, type Sample } from '../../server/prometheus.ts';

/** Upper ends of the classes that the times of jobs are counted in, in seconds. */
const timeClasses = [1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400];
const outcomes = ['finished', 'finished already', 'failed', 'tried again'] as const;

/** What a worker has done, in figures. */
export interface WorkerFigures {
  count(report: JobReport): void;
  /** @param counts jobs of the queue in each state; undefined where it does not answer */
  text(counts: Readonly<Record<JobState, number>> | undefined): string;
}

export function openFigures(pool: Pool): WorkerFigures {
  const jobs = new Map<(typeof outcomes)[number], number>(outcomes.map((outcome) => [outcome, 0]));
  const durations = openHistogram(timeClasses);
  let audioSeconds = 0;
  let failedTries = 0;
  return {
    count({ state, result, nParts }) {
      if (nParts !== undefined) return; // it comes again when its parts are done
      const isDone = state === 'finished';
      const wasThere = isDone && result?.elapsedSeconds === undefined;
      const outcome = wasThere
        ? 'finished already'
        : isDone
          ? 'finished'
          : state === 'failed'
            ? 'failed'
            : 'tried again';
      jobs.set(outcome, (jobs.get(outcome) ?? 0) + 1);
      if (!isDone) failedTries++;
      if (result?.nParts !== undefined) return; // its parts were counted
      audioSeconds += result?.audioSeconds ?? 0;
      if (result?.elapsedSeconds !== undefined) durations.add({}, result.elapsedSeconds);
    },
    text(counts) {
      const one = (value: number): Sample[] => [{ value }];
      const ofStates = jobStates.map((state) => ({ labels: { state }, value: counts?.[state] ?? 0 }));
      return [
        figure(
          'jobs_total',
          'counter',
          'Jobs that this worker has tried, by what came of that.',
          [...jobs].map(([outcome, value]) => ({ labels: { outcome }, value })),
        ),
        figure('job_failed_tries_total', 'counter', 'Tries that failed.', one(failedTries)),
        figure('job_audio_seconds_total', 'counter', 'Seconds of recordings that were transcribed.', one(audioSeconds)),
        figure('job_duration_seconds', 'histogram', 'How long jobs took.', durations.samples()),
        figure('queue_answers', 'gauge', '1 while the queue answers, else 0.', one(counts === undefined ? 0 : 1)),
        ...(counts === undefined ? [] : [figure('queue_jobs', 'gauge', 'Jobs of the queue in each state.', ofStates)]),
        poolFigures([pool]),
        figure('process_resident_bytes', 'gauge', 'Memory of the process.', one(process.memoryUsage.rss())),
      ].join('');
    },
  };
}
