import { hashFile } from '../audio/hash-file.ts';
import { limitedRecording } from '../audio/limited-recording.ts';
import { AudioError, JobError } from '../errors.ts';
import { openRecording } from '../open-recording.ts';
import { audioOptions } from '../options/audio.ts';
import { passedOn } from '../options/names.ts';
import type { FormOptions } from '../options/tables.ts';
import { areCurrent, makeRoom, outputDate } from '../output/files/room.ts';
import { writeMissing } from '../output/files/write-together.ts';
import { formats } from '../output/formats.ts';
import type { Transcript } from '../output/transcript.ts';
import { deviceNames, type Pool } from '../pool/pool.ts';
import { askedOptions, needsSpeechModel, needsWordTimes } from '../transcribe/asked-options.ts';
import { recognise } from '../transcribe/recognise.ts';
import type { Segment } from '../transcribe/segment.ts';
import type { SpeechModel } from '../vad/speech-model.ts';
import { type Job, type JobResult, outputPaths } from './job.ts';
import { readWishes } from './job-options.ts';

/** What a worker does jobs with. */
export interface Equipment {
  readonly pool: Pool;
  /** Loaded when the first job needs it. */
  speechModel(): Promise<SpeechModel>;
  readonly ffmpeg: string | undefined;
  /** Of the program. */
  readonly version: string;
  readonly onWarning: (message: string) => void;
}

/**
 * Transcribes a job's recording into those of its outputs that are not there yet. Doing it twice, or by two workers at the same
 * time, comes to the same: the first one's files stay.
 *
 * @throws JobError where the recording is not the one that was added, or the job is none that this version knows; AudioError,
 *   OutputError; what the devices throw
 */
export async function performJob(job: Job, equipment: Equipment, signal: AbortSignal): Promise<JobResult> {
  const { pool, version } = equipment;
  const device = deviceNames(pool);
  const by = { model: pool.name, dtype: pool.dtype, device, version };
  const { path, name } = job.audio;
  const paths = outputPaths(job).map(([, output]) => output);
  if (await areCurrent(paths, path)) return by;
  const started = performance.now();
  const date = await outputDate(path);
  await checkRecording(job, signal);
  await makeRoom(paths);
  const options = readWishes(job.options, (message) => equipment.onWarning(`${name}: ${message}`));
  const transcript = { ...(await heard(job, options, equipment, signal)), model: by.model, device };
  signal.throwIfAborted();
  const contents = outputPaths(job).map(([format, output]) => [output, formats[format](transcript, options)] as const);
  await writeMissing(new Map(contents), date, path);
  const { language, audioSeconds } = transcript;
  const elapsedSeconds = (performance.now() - started) / 1000;
  return { ...by, audioSeconds, elapsedSeconds, ...(language === undefined ? {} : { language }) };
}

/** @throws JobError ('JOB_AUDIO_CHANGED') */
async function checkRecording({ audio }: Job, signal: AbortSignal): Promise<void> {
  const { sha256 } = await hashFile(audio.path, signal);
  if (sha256 === audio.sha256) return;
  throw new JobError('JOB_AUDIO_CHANGED', `${audio.name} has changed since it was added to the queue`, {
    hint: 'add it again, and cancel this job',
  });
}

async function heard(
  job: Job,
  options: FormOptions,
  { pool, speechModel, ffmpeg, onWarning }: Equipment,
  signal: AbortSignal,
): Promise<Omit<Transcript, 'model' | 'device'>> {
  const { path, name } = job.audio;
  const warn = (message: string) => onWarning(`${name}: ${message}`);
  await using opened = await openRecording(path, {
    ...passedOn(options, [audioOptions], 'audio form', 'openRecording()'),
    ...(ffmpeg === undefined ? {} : { ffmpeg }),
    signal,
    onWarning: warn,
  });
  const { maxSeconds = Number.POSITIVE_INFINITY } = job;
  const audio = limitedRecording(
    opened,
    maxSeconds,
    (message) => new AudioError('RECORDING_TOO_LONG', `${name}: ${message}`),
  );
  const needsWords = needsWordTimes(options);
  const recognition = recognise((asked) => pool.transcribe(audio, asked), audio, {
    ...askedOptions(options, 'audio form', needsSpeechModel(options) ? await speechModel() : undefined),
    timestamps: needsWords || outputPaths(job).some(([format]) => format !== 'txt'),
    wordTimestamps: needsWords,
    signal,
    onWarning: warn,
  });
  const segments: Segment[] = [];
  for await (const segment of recognition.segments) segments.push(segment);
  return { ...recognition.info(), file: name, segments, task: options.task };
}
