import type { ClientJob } from './job-desk.ts';

/** A job as clients see it. @param waiting how many jobs wait, where it is one of them */
export function jobJson({ id, about, report }: ClientJob, waiting: number | undefined) {
  const { state, failures, failure, result, job } = report;
  const { model, dtype, device, version, language, audioSeconds, elapsedSeconds } = result ?? {};
  return {
    id,
    object: 'transcription.job',
    status: state,
    created_at: Math.floor(about.createdAtMs / 1000),
    file: about.name,
    ...(waiting === undefined ? {} : { jobs_waiting: waiting }),
    failed_tries: failures,
    error:
      failure === undefined
        ? null
        : { code: failure.code.toLowerCase(), message: failure.message.replaceAll(job.audio.path, about.name) },
    ...(result === undefined
      ? {}
      : {
          language: language ?? null,
          duration: audioSeconds ?? null,
          elapsed: elapsedSeconds ?? null,
          made_by: { model, dtype, device, version },
        }),
  };
}
