import { limitedRecording } from '../../audio/limited-recording.ts';
import type { AudioRecording } from '../../audio/recording.ts';
import { openRecording } from '../../open-recording.ts';
import { audioOptions } from '../../options/audio.ts';
import { passedOn } from '../../options/names.ts';
import type { Pool } from '../../pool/pool.ts';
import type { Ticket } from '../admission.ts';
import type { Exchange, RequestFacts } from '../http/exchange.ts';
import { RequestError } from '../http/request-error.ts';
import { readUpload, type UploadedForm } from '../http/upload.ts';
import type { ServerParts } from '../server-parts.ts';
import type { SpeechRequest } from './fields.ts';

/** A recording that was sent and whose turn it is, and the model for it. */
export interface Upload<Request> {
  /** As the client calls it. */
  readonly name: string;
  readonly request: Request;
  readonly recording: AudioRecording;
  readonly pool: Pool;
}

interface Asked extends Pick<SpeechRequest, 'model' | 'options' | 'warnings'> {
  /** Told of what is wrong with the recording but does not keep it from being read. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Lets a request in, takes its form, waits for its turn, and works on its recording; afterwards nothing is left of that.
 *
 * @param read says what the fields ask for, before the request waits for anything
 */
export async function withUpload<Request extends Asked>(
  { exchange, parts }: { readonly exchange: Exchange; readonly parts: ServerParts },
  read: (form: UploadedForm) => Request,
  work: (upload: Upload<Request>) => Promise<void>,
): Promise<void> {
  const { signal, facts, response } = exchange;
  using ticket = parts.admission.enter();
  await using form = await readUpload(exchange, parts.uploads, parts.uploadLimits);
  const request = read(form);
  const file = fileOf(form);
  tellWarnings(response, request);
  await inTurn({ ticket, file, request, parts, signal, facts }, work);
}

/** @throws RequestError 400 where a form has none */
export function fileOf({ file }: UploadedForm): NonNullable<UploadedForm['file']> {
  if (file !== undefined) return file;
  throw new RequestError(400, 'FILE_MISSING', 'there is no file in the form', { param: 'file' });
}

/** Names fields that have no effect in a header of the answer. */
export function tellWarnings(response: Exchange['response'], { warnings }: Pick<SpeechRequest, 'warnings'>): void {
  if (warnings.length > 0) response.setHeader('x-whisper-npu-warning', asHeader(warnings.join('; ')));
}

interface Waiting<Request> {
  readonly ticket: Ticket;
  readonly file: NonNullable<UploadedForm['file']>;
  readonly request: Request;
  readonly parts: ServerParts;
  readonly signal: AbortSignal;
  readonly facts: RequestFacts;
}

/** Waits for the turn of a recording that has come, and works on it with the model that is asked for. */
export async function inTurn<Request extends Asked>(
  { ticket, file, request, parts, signal, facts }: Waiting<Request>,
  work: (upload: Upload<Request>) => Promise<void>,
): Promise<void> {
  const cameAt = performance.now();
  await ticket.turn(signal);
  facts.waitSeconds = (performance.now() - cameAt) / 1000;
  using use = await parts.models.use(request.model);
  facts.model = use.pool.name;
  facts.hidden = new Map([[file.path, file.name]]);
  await using recording = await openUpload(file, request, parts, signal);
  await work({ name: file.name, request, recording, pool: use.pool });
}

/** Opens a recording that was sent, as it was asked for. */
export async function openUpload(
  { path, name }: NonNullable<UploadedForm['file']>,
  { options, onWarning }: Asked,
  { ffmpeg, maxDurationSeconds }: ServerParts,
  signal: AbortSignal,
): Promise<AudioRecording> {
  const given = passedOn(options, [audioOptions], 'audio form', 'openRecording()');
  const recording = await openRecording(path, {
    ...given,
    ...(ffmpeg === undefined ? {} : { ffmpeg }),
    ...(onWarning === undefined ? {} : { onWarning: (message) => onWarning(message.replaceAll(path, name)) }),
    signal,
  });
  const tooLong = (message: string) => new RequestError(413, 'RECORDING_TOO_LONG', message, { param: 'file' });
  return limitedRecording(recording, maxDurationSeconds, tooLong);
}

/** Headers hold ASCII. */
function asHeader(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, 1000);
}
