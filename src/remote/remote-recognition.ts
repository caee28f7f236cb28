import type { IncomingMessage } from 'node:http';
import type { RecordingInfo } from '../transcribe/recognise.ts';
import type { Segment } from '../transcribe/segment.ts';
import { readEvents } from './event-stream.ts';
import { formBody, newBoundary } from './form-body.ts';
import { postForm, type RemoteServer } from './post-form.ts';
import { connectionLost, errorOfServer, notOurs } from './server-failure.ts';
import { readNews, type TranscriptNews } from './transcript-news.ts';

/** A recording that a server listens to. */
export interface RemoteRecognition {
  readonly model: string;
  readonly device: string;
  readonly durationSeconds: number | undefined;
  readonly segments: AsyncGenerator<Segment>;
  /** Complete when the segments have come to their end. */
  info(): RecordingInfo;
}

interface SentRecording {
  readonly path: string;
  /** What the server calls it in what it says. */
  readonly name: string;
  /** What is asked of it. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  onProgress(seconds: number): void;
  onWarning(message: string): void;
}

/** Servers say at least every 15 s that they are still at work. */
const silenceMs = 90_000;

/**
 * Has a server listen to a recording. Comes when it begins.
 *
 * @throws ServerError, or what the server says of the recording, also while segments come
 */
export async function recogniseRemotely(server: RemoteServer, recording: SentRecording): Promise<RemoteRecognition> {
  const asked = [...recording.fields, ['response_format', 'whisper_json'], ['stream', 'true']] as const;
  const answer = await postForm(server, '/v1/audio/transcriptions', formBody(asked, recording, newBoundary()));
  const news = newsOf(server, answer);
  const { value: begin } = await news.next();
  if (begin?.type !== 'transcript.begin') throw notOurs(server.url, 'its answer does not begin as it should');
  let info: RecordingInfo = { language: undefined, languageProbability: undefined, audioSeconds: begin.duration ?? 0 };
  async function* segments(): AsyncGenerator<Segment> {
    for await (const told of news) {
      if (told.type === 'transcript.segment') yield told.segment;
      else if (told.type === 'transcript.progress') recording.onProgress(told.seconds);
      else if (told.type === 'transcript.warning') recording.onWarning(told.message);
      else if (told.type === 'transcript.done') {
        const { language, language_probability, duration } = told;
        info = {
          language: language ?? undefined,
          languageProbability: language_probability ?? undefined,
          audioSeconds: duration,
        };
        return;
      }
    }
    throw connectionLost(server.url, undefined);
  }
  const { model, device, duration } = begin;
  return { model, device, durationSeconds: duration ?? undefined, segments: segments(), info: () => info };
}

/** What a server says, until its connection ends. Leaving it closes the connection. */
async function* newsOf(server: RemoteServer, answer: IncomingMessage): AsyncGenerator<TranscriptNews> {
  const { url, signal } = server;
  answer.setTimeout(silenceMs, () => answer.destroy(new Error(`it said nothing for ${silenceMs / 1000} s`)));
  const texts = readEvents(answer.setEncoding('utf8'));
  try {
    for (;;) {
      const { done, value: text } = await texts.next().catch((cause: unknown) => {
        signal.throwIfAborted();
        throw cause instanceof RangeError ? notOurs(url, cause.message) : connectionLost(url, cause);
      });
      if (done || text === '[DONE]') return;
      const told = readNews(text);
      if (told === undefined) throw notOurs(url, 'it says what is not understood');
      if ('failure' in told) throw errorOfServer(url, told.failure);
      yield told;
    }
  } finally {
    answer.destroy();
  }
}
