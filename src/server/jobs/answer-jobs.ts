import { UsageError } from '../../errors.ts';
import { printable } from '../../printable.ts';
import { type SentEvent, sendEvents } from '../http/event-stream.ts';
import { type Exchange, sendJson, sendText } from '../http/exchange.ts';
import { RequestError } from '../http/request-error.ts';
import { readUpload, type UploadedForm } from '../http/upload.ts';
import { isAnyModel } from '../model-host.ts';
import { type Answer, answerOf, type ResponseFormat, responseFormats } from '../openai/answers.ts';
import { readSpeechRequest, type SpeechRequest } from '../openai/fields.ts';
import { fileOf, openUpload, tellWarnings } from '../openai/upload-work.ts';
import type { ServerParts } from '../server-parts.ts';
import { notOfJobs } from './form.ts';
import type { ClientJob, JobDesk } from './job-desk.ts';
import { jobJson } from './job-json.ts';

/** Takes a recording as a job: what its form says is checked now, what is said in it is for a worker. */
export async function takeJob(exchange: Exchange, parts: ServerParts, desk: JobDesk): Promise<void> {
  await desk.checkRoom();
  using _ = parts.admission.enter();
  await using form = await readUpload(exchange, desk.uploads, parts.uploadLimits);
  const request = readJobRequest(form);
  const file = fileOf(form);
  tellWarnings(exchange.response, request);
  exchange.facts.hidden = new Map([[file.path, file.name]]);
  await checkRecording(file, request, parts, exchange.signal);
  const { fields } = form;
  const job = await desk.take({ file, fields, options: request.options, maxSeconds: parts.maxDurationSeconds });
  const headers = { location: `/v1/jobs/${job.id}` };
  sendJson(exchange, await shown(job, desk), { status: 202, headers });
}

/** Says how a job stands, and where it is done what was said. */
export async function answerJob(exchange: Exchange, desk: JobDesk, id: string): Promise<void> {
  const job = await desk.find(id);
  const { type, text } = job.report.state === 'finished' ? await resultOf(job, desk) : { type: '', text: undefined };
  const isJson = type.startsWith('application/json');
  const result: unknown = text === undefined ? null : isJson ? JSON.parse(text) : text;
  sendJson(exchange, { ...(await shown(job, desk)), result });
}

/** Answers with the result of a job in any format, as a request that waits for it would be answered. */
export async function answerResult(
  exchange: Exchange,
  desk: JobDesk,
  [id = '', format = '']: readonly string[],
): Promise<void> {
  if (!isFormat(format))
    throw new RequestError(404, 'FORMAT_NOT_FOUND', `there is no format ${format.slice(0, 60)}`, {
      hint: `there are ${[...responseFormats].join(', ')}`,
    });
  const { text, type } = await resultOf(await desk.find(id), desk, format);
  sendText(exchange, text, type);
}

export async function watchJob(exchange: Exchange, desk: JobDesk, id: string): Promise<void> {
  async function* events(): AsyncGenerator<SentEvent> {
    for await (const job of desk.watch(id, exchange.signal)) {
      const type = `job.${job.report.state}`;
      yield { type, json: JSON.stringify({ type, job: await shown(job, desk) }) };
    }
  }
  await sendEvents(exchange, events());
}

export async function dropJob(exchange: Exchange, desk: JobDesk, id: string): Promise<void> {
  const job = await desk.drop(id);
  if (job === undefined) sendJson(exchange, { id, object: 'transcription.job', deleted: true });
  else sendJson(exchange, { ...(await shown(job, desk)), deleted: false });
}

/** @throws UsageError, RequestError 400, with the field */
function readJobRequest(form: UploadedForm): SpeechRequest {
  const other = form.fields.map(([name]) => name.replace(/\[\]$/, '')).find((name) => notOfJobs.includes(name));
  if (other !== undefined)
    throw new RequestError(400, 'FIELD_UNKNOWN', `there is no field ${other} for jobs`, { param: other });
  const request = readSpeechRequest(form, 'transcribe');
  if (isAnyModel(request.model)) return request;
  throw new UsageError(
    'OPTION_SENSELESS',
    `model is ${printable(request.model).slice(0, 60)}: jobs have no such field`,
    {
      option: 'model',
      hint: 'the workers of the queue have their model: leave the field out',
    },
  );
}

/** What is no recording, or says that it is too long, is refused at once. */
async function checkRecording(
  file: NonNullable<UploadedForm['file']>,
  request: SpeechRequest,
  parts: ServerParts,
  signal: AbortSignal,
): Promise<void> {
  await using recording = await openUpload(file, request, parts, signal);
  if ((recording.durationSeconds ?? 0) <= parts.maxDurationSeconds) return;
  throw new RequestError(413, 'RECORDING_TOO_LONG', `the recording is longer than ${parts.maxDurationSeconds} s`, {
    param: 'file',
  });
}

async function resultOf(job: ClientJob, desk: JobDesk, format?: ResponseFormat): Promise<Answer> {
  const request = readSpeechRequest(job.about, 'transcribe');
  return answerOf(await desk.transcript(job), format === undefined ? request : { ...request, format });
}

async function shown(job: ClientJob, desk: JobDesk) {
  return jobJson(job, job.report.state === 'waiting' ? await desk.waiting() : undefined);
}

function isFormat(name: string): name is ResponseFormat {
  return (responseFormats as ReadonlySet<string>).has(name);
}
