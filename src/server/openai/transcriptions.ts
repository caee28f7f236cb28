import type { AudioRecording } from '../../audio/recording.ts';
import type { Transcript } from '../../output/transcript.ts';
import type { Pool } from '../../pool/pool.ts';
import { askedOptions, needsSpeechModel } from '../../transcribe/asked-options.ts';
import { type Recognition, recognise } from '../../transcribe/recognise.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { type Exchange, sendText } from '../http/exchange.ts';
import type { UploadedForm } from '../http/upload.ts';
import type { ServerParts } from '../server-parts.ts';
import { answerOf, needsTimes } from './answers.ts';
import { readSpeechRequest, type SpeechRequest } from './fields.ts';
import { streamEvents } from './stream-events.ts';
import { withUpload } from './upload-work.ts';

/** Answers with what is said in a recording that comes in a form. */
export async function answerSpeech(
  exchange: Exchange,
  parts: ServerParts,
  task: 'transcribe' | 'translate',
): Promise<void> {
  const { signal, facts } = exchange;
  const read = (form: UploadedForm) => readSpeechRequest(form, task);
  await withUpload({ exchange, parts }, read, async ({ name, request, recording, pool }) => {
    const recognition = await startRecognition(recording, request, pool, parts, signal);
    if (request.isStreamed) return await streamEvents(exchange, request, recognition);
    const segments: Segment[] = [];
    for await (const segment of recognition.segments) segments.push(segment);
    const transcript = transcriptOf(name, segments, recognition, request, pool);
    facts.audioSeconds = transcript.audioSeconds;
    const { text, type } = answerOf(transcript, request);
    facts.text = text;
    sendText(exchange, text, type);
  });
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
