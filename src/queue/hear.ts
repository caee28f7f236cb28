import { limitedRecording } from '../audio/limited-recording.ts';
import type { AudioRecording } from '../audio/recording.ts';
import { AudioError } from '../errors.ts';
import { openRecording } from '../open-recording.ts';
import { audioOptions } from '../options/audio.ts';
import { passedOn } from '../options/names.ts';
import type { FormOptions } from '../options/tables.ts';
import type { Transcript } from '../output/transcript.ts';
import { askedOptions, needsSpeechModel, needsWordTimes } from '../transcribe/asked-options.ts';
import { recognise } from '../transcribe/recognise.ts';
import type { Segment } from '../transcribe/segment.ts';
import type { Equipment } from './equipment.ts';
import { type Job, outputPaths } from './job.ts';
import { readWishes } from './job-options.ts';

/** What a job says of how its recording is heard. */
export function optionsOf({ options, audio }: Job, { onWarning }: Equipment): FormOptions {
  return readWishes(options, (message) => onWarning(`${audio.name}: ${message}`));
}

/** @param path the recording on this machine */
export async function openJobAudio(
  path: string,
  { audio: { name }, maxSeconds = Number.POSITIVE_INFINITY }: Job,
  options: FormOptions,
  { ffmpeg, onWarning }: Equipment,
  signal: AbortSignal,
): Promise<AudioRecording> {
  const opened = await openRecording(path, {
    ...passedOn(options, [audioOptions], 'audio form', 'openRecording()'),
    ...(ffmpeg === undefined ? {} : { ffmpeg }),
    signal,
    onWarning: (message) => onWarning(`${name}: ${message}`),
  });
  return limitedRecording(opened, maxSeconds, (message) => new AudioError('RECORDING_TOO_LONG', `${name}: ${message}`));
}

/** What is said in a job's recording. */
export async function hear(
  path: string,
  job: Job,
  options: FormOptions,
  equipment: Equipment,
  signal: AbortSignal,
): Promise<Omit<Transcript, 'model' | 'device'>> {
  const { pool, speechModel, onWarning } = equipment;
  const { name } = job.audio;
  await using audio = await openJobAudio(path, job, options, equipment, signal);
  const needsWords = needsWordTimes(options);
  // Parts have the times that a recording has of which they are parts: one of more than 30 s.
  const needsTimes = job.part !== undefined || outputPaths(job).some(([format]) => format !== 'txt');
  const recognition = recognise((asked) => pool.transcribe(audio, asked), audio, {
    ...askedOptions(options, 'audio form', needsSpeechModel(options) ? await speechModel() : undefined),
    timestamps: needsWords || needsTimes,
    wordTimestamps: needsWords,
    signal,
    onWarning: (message) => onWarning(`${name}: ${message}`),
  });
  const segments: Segment[] = [];
  for await (const segment of recognition.segments) segments.push(segment);
  return { ...recognition.info(), file: name, segments, task: options.task };
}
