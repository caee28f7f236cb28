import type { AudioRecording } from '../../audio/recording.ts';
import type { Transcript } from '../../output/transcript.ts';
import { deviceNames, type Pool } from '../../pool/pool.ts';
import { askedOptions, needsSpeechModel, needsWordTimes } from '../../transcribe/asked-options.ts';
import { type Recognition, recognise } from '../../transcribe/recognise.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { sendEvents } from '../http/event-stream.ts';
import { type Exchange, sendText } from '../http/exchange.ts';
import type { UploadedForm } from '../http/upload.ts';
import type { ServerParts } from '../server-parts.ts';
import { openSideNews, type SideNews, transcriptEvents } from '../transcript-events.ts';
import { answerOf } from './answers.ts';
import { readSpeechRequest, type SpeechRequest } from './fields.ts';
import { textEvents } from './text-events.ts';
import { withUpload } from './upload-work.ts';

/** Answers with what is said in a recording that comes in a form. */
export async function answerSpeech(
  exchange: Exchange,
  parts: ServerParts,
  task: 'transcribe' | 'translate',
): Promise<void> {
  const { signal, facts } = exchange;
  const read = (form: UploadedForm) => {
    const request = readSpeechRequest(form, task);
    const news = request.isStreamed && request.format === 'whisper_json' ? openSideNews() : undefined;
    return { ...request, news, onWarning: news?.warning };
  };
  await withUpload({ exchange, parts }, read, async ({ name, request, recording, pool }) => {
    const { news } = request;
    const recognition = await startRecognition(recording, request, pool, parts, signal, news);
    if (news !== undefined) {
      const beginning = { ...namesOf(pool), durationSeconds: recording.durationSeconds };
      return await sendEvents(exchange, transcriptEvents(facts, beginning, recognition, news));
    }
    if (request.isStreamed) return await sendEvents(exchange, textEvents(facts, request, recognition));
    const segments: Segment[] = [];
    for await (const segment of recognition.segments) segments.push(segment);
    const transcript = transcriptOf(name, segments, recognition, request, pool);
    facts.audioSeconds = transcript.audioSeconds;
    const { text, type } = answerOf(transcript, request);
    facts.text = text;
    sendText(exchange, text, type);
  });
}

/** Begins to listen to a recording, as it was asked for. */
export async function startRecognition(
  recording: AudioRecording,
  { options, wantsTimes, wantsWords, wantsLogprobs }: SpeechRequest,
  pool: Pool,
  parts: ServerParts,
  signal: AbortSignal,
  news: SideNews | undefined,
): Promise<Recognition> {
  const speechModel = needsSpeechModel(options) ? await parts.speechModel() : undefined;
  const needsWords = wantsWords || wantsLogprobs || needsWordTimes(options);
  return recognise((asked) => pool.transcribe(recording, asked), recording, {
    ...askedOptions(options, 'audio form', speechModel),
    wordTimestamps: needsWords,
    ...(wantsTimes || needsWords ? { timestamps: true } : {}),
    ...(news === undefined ? {} : { onProgress: news.progress, onWarning: news.warning }),
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
  return { ...recognition.info(), file, segments, task: options.task, ...namesOf(pool) };
}

function namesOf(pool: Pool): { readonly model: string; readonly device: string } {
  return { model: pool.name, device: deviceNames(pool) };
}
