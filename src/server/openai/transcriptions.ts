import type { AudioRecording } from '../../audio/recording.ts';
import { openRecording } from '../../open-recording.ts';
import { audioOptions } from '../../options/audio.ts';
import { passedOn } from '../../options/names.ts';
import type { Transcript } from '../../output/transcript.ts';
import type { Pool } from '../../pool/pool.ts';
import { askedOptions, needsSpeechModel } from '../../transcribe/asked-options.ts';
import { type Recognition, recognise } from '../../transcribe/recognise.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { type Exchange, sendText } from '../http/exchange.ts';
import { RequestError } from '../http/request-error.ts';
import { readUpload, type UploadedForm } from '../http/upload.ts';
import { limitedRecording } from '../limited-recording.ts';
import type { ServerParts } from '../server-parts.ts';
import { answerOf, needsTimes } from './answers.ts';
import { readSpeechRequest, type SpeechRequest } from './fields.ts';
import { streamEvents } from './stream-events.ts';

/** Answers with what is said in a recording that comes in a form. */
export async function answerSpeech(
  exchange: Exchange,
  parts: ServerParts,
  task: 'transcribe' | 'translate',
): Promise<void> {
  const { signal, facts, response } = exchange;
  using ticket = parts.admission.enter();
  await using form = await readUpload(exchange, parts.uploads, parts.uploadLimits);
  const request = readSpeechRequest(form, task);
  if (form.file === undefined)
    throw new RequestError(400, 'FILE_MISSING', 'there is no file in the form', { param: 'file' });
  if (request.warnings.length > 0) response.setHeader('x-whisper-npu-warning', asHeader(request.warnings.join('; ')));
  const cameAt = performance.now();
  await ticket.turn(signal);
  facts.waitSeconds = (performance.now() - cameAt) / 1000;
  using use = await parts.models.use(request.model);
  facts.model = use.pool.name;
  facts.hidden = new Map([[form.file.path, form.file.name]]);
  await using recording = await openUpload(form.file, request, parts, signal);
  const recognition = await startRecognition(recording, request, use.pool, parts, signal);
  if (request.isStreamed) return await streamEvents(exchange, request, recognition);
  const segments: Segment[] = [];
  for await (const segment of recognition.segments) segments.push(segment);
  const transcript = transcriptOf(form.file.name, segments, recognition, request, use.pool);
  facts.audioSeconds = transcript.audioSeconds;
  const { text, type } = answerOf(transcript, request);
  facts.text = text;
  sendText(exchange, text, type);
}

async function openUpload(
  { path }: NonNullable<UploadedForm['file']>,
  { options }: SpeechRequest,
  { ffmpeg, maxDurationSeconds }: ServerParts,
  signal: AbortSignal,
): Promise<AudioRecording> {
  const given = passedOn(options, [audioOptions], 'audio form', 'openRecording()');
  const recording = await openRecording(path, { ...given, ...(ffmpeg === undefined ? {} : { ffmpeg }), signal });
  return limitedRecording(recording, maxDurationSeconds);
}

async function startRecognition(
  recording: AudioRecording,
  { options, format, wantsWords, wantsLogprobs }: SpeechRequest,
  pool: Pool,
  parts: ServerParts,
  signal: AbortSignal,
): Promise<Recognition> {
  const speechModel = needsSpeechModel(options) ? await parts.speechModel() : undefined;
  const { maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords } = options;
  const isLaidOut = [maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords].some((value) => value !== undefined);
  const needsWords = options.wordTimestamps || wantsWords || wantsLogprobs || isLaidOut;
  return recognise((asked) => pool.transcribe(recording, asked), recording, {
    ...askedOptions(options, 'audio form', speechModel),
    wordTimestamps: needsWords,
    ...(needsTimes(format) || needsWords ? { timestamps: true } : {}),
    signal,
  });
}

function transcriptOf(
  file: string,
  segments: readonly Segment[],
  recognition: Recognition,
  { options }: SpeechRequest,
  pool: Pool,
): Transcript {
  const device = pool
    .status()
    .devices.map(({ name }) => name)
    .join('; ');
  return { ...recognition.info(), file, segments, task: options.task, model: pool.name, device };
}

/** Headers hold ASCII. */
function asHeader(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, 1000);
}
