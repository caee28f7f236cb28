import { deflateSync } from 'node:zlib';
import type { AudioStream } from '../audio/open-audio.ts';
import type { Task } from '../decoding/prompt.ts';
import { UsageError } from '../errors.ts';
import { sampleRate } from '../features/log-mel.ts';
import type { Segment } from '../transcribe/segment.ts';
import { type LoadedModel, transcribe } from '../transcribe/transcribe.ts';

/** What is asked of a model. */
export interface RecognitionRequest {
  /** Whisper's code; undefined to detect it. */
  readonly language: string | undefined;
  readonly task: Task;
  /** Whether times of segments, and of words, are needed. */
  readonly timestamps: boolean;
  readonly words: boolean;
  readonly signal: AbortSignal;
  /** Told how much of the recording has been heard. */
  readonly onProgress: (seconds: number) => void;
  readonly onWarning: (message: string) => void;
}

/** What a recording turned out to be. */
export interface RecordingInfo {
  readonly language: string | undefined;
  /** Where the language was detected. */
  readonly languageProbability: number | undefined;
  readonly audioSeconds: number;
}

/** A recording being listened to. */
export interface Recognition {
  readonly segments: AsyncIterable<Segment>;
  /** Complete when the segments have come to their end. */
  info(): RecordingInfo;
}

/** Joins the model's transcribe() to what the command line prints. */
export function recognise(model: LoadedModel, audio: AudioStream, request: RecognitionRequest): Recognition {
  if (request.words)
    throw new UsageError('NO_WORD_TIMES', 'word times are needed for that, and they cannot be found yet');
  let info: RecordingInfo = { language: undefined, languageProbability: undefined, audioSeconds: 0 };

  async function* counted(): AsyncGenerator<Float32Array> {
    let nSamples = 0;
    for await (const block of audio.samples) {
      nSamples += block.length;
      info = { ...info, audioSeconds: nSamples / sampleRate };
      yield block;
    }
  }

  async function* segments(): AsyncGenerator<Segment> {
    const { language, task, signal, onProgress, onWarning } = request;
    let id = 0;
    for await (const found of transcribe(model, counted(), { task, signal, ...(language ? { language } : {}) })) {
      const [likeliest] = found.languageProbabilities ?? [];
      info = { ...info, language: found.language };
      if (likeliest !== undefined) info = { ...info, languageProbability: likeliest.probability };
      onProgress(found.endSeconds);
      if (!found.complete) onWarning(incompleteText(audio.name, found));
      if (found.text.trim() === '') continue;
      const { startSeconds, endSeconds, text, tokens, avgLogprob } = found;
      yield {
        id: id++,
        seek: Math.round(startSeconds * 100),
        startSeconds,
        endSeconds,
        text,
        tokens,
        temperature: 0,
        avgLogprob,
        compressionRatio: Buffer.byteLength(text) / deflateSync(text).length,
        noSpeechProb: Number.NaN,
        language: found.language,
      };
    }
  }

  return { segments: segments(), info: () => info };
}

function incompleteText(name: string, { startSeconds, endSeconds }: { startSeconds: number; endSeconds: number }) {
  return `${name}: the text from ${startSeconds.toFixed(0)} to ${endSeconds.toFixed(0)} s is longer than the model can write at once; its end is missing`;
}
