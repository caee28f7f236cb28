import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { streamSource } from '../../audio/byte-source.ts';
import { isRecordingSource } from '../../audio/recording-file.ts';
import { AudioError, JobError } from '../../errors.ts';
import type { Remote } from '../../queue/job-files.ts';
import { isS3, parseS3, s3Place } from '../../queue/s3/address.ts';
import type { S3Object, S3Objects } from '../../queue/s3/objects.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import type { Input } from '../transcribe/batch/inputs.ts';
import { namedInputs } from '../transcribe/batch/named-inputs.ts';
import { countPassedOver } from '../transcribe/batch/passed-over.ts';

/** A recording that may lie in S3. */
export interface QueueInput extends Input {
  readonly object?: S3Object;
}

/** The recordings that a command line names: files, and objects in S3 by their places or by how their keys begin. */
export async function queueInputs(
  args: readonly string[],
  filesFrom: string | undefined,
  remote: Remote,
  session: Session,
  terminal: Terminal,
): Promise<QueueInput[]> {
  const found: QueueInput[] = [];
  for (const place of args.filter(isS3))
    found.push(...(await inputsIn(place, await remote.objects(), session.signal, terminal.note)));
  const others = args.filter((arg) => !isS3(arg));
  if (found.length > 0 && others.length === 0 && filesFrom === undefined) return found;
  return [...found, ...(await namedInputs(others, filesFrom, session, terminal))];
}

async function inputsIn(
  place: string,
  objects: S3Objects,
  signal: AbortSignal,
  note: (line: string) => void,
): Promise<QueueInput[]> {
  const address = parseS3(place);
  if (address === undefined)
    throw new JobError('S3_ADDRESS', `${place} is no place in S3`, { hint: 'write s3://bucket/key' });
  const { bucket, key } = address;
  const named = key === '' || key.endsWith('/') ? undefined : await objects.find(place, signal);
  if (named !== undefined) return [inputOf(named, posix.basename(key))];
  const folder = key === '' || key.endsWith('/') ? key : `${key}/`;
  const passedOver = countPassedOver();
  const found: QueueInput[] = [];
  for await (const object of objects.list(s3Place({ bucket, key: folder }), signal)) {
    const below = (parseS3(object.place)?.key ?? '').slice(folder.length);
    // Hidden ones, what leads out of where outputs go, and what stands for a folder.
    if (object.sizeBytes === 0 || below.split('/').some((name) => name === '' || name.startsWith('.'))) continue;
    const isOne = await passedOver.isRecording(object.place, () => beginsAsRecording(object, objects, signal));
    if (isOne) found.push(inputOf(object, below));
  }
  const text = passedOver.text();
  if (text !== undefined) note(`${place}: ${text}`);
  return found.length > 0 ? found : [nothingIn(place)];
}

function inputOf(object: S3Object, relativePath: string): QueueInput {
  return { path: object.place, relativePath, object };
}

/** As much as tells formats apart. */
const headBytes = 65_536;

async function beginsAsRecording(object: S3Object, objects: S3Objects, signal: AbortSignal): Promise<boolean> {
  const end = Math.min(object.sizeBytes, headBytes);
  const bytes = await objects.read(object, { start: 0, end }, signal);
  return bytes !== undefined && isRecordingSource(streamSource(object.place, Readable.from([bytes])));
}

function nothingIn(place: string): QueueInput {
  const hint = 'check the bucket and the key; an object that is passed over can be named itself';
  const failure = new AudioError('AUDIO_NONE_FOUND', `no audio file is in ${place}`, { hint });
  return { path: place, relativePath: place, failure };
}
