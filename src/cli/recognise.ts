import type { AudioRecording } from '../audio/recording.ts';
import type { LanguageProbability } from '../decoding/language.ts';
import type { Task } from '../decoding/prompt.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import type { Segment } from '../transcribe/segment.ts';
import { transcribe } from '../transcribe/transcribe.ts';

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
export function recognise(model: LoadedModel, audio: AudioRecording, request: RecognitionRequest): Recognition {
  const { language, words, ...rest } = request;
  let info: RecordingInfo = { language, languageProbability: undefined, audioSeconds: audio.durationSeconds ?? 0 };
  const onLanguage = ([likeliest]: readonly LanguageProbability[]) => {
    info = { ...info, language: likeliest?.language, languageProbability: likeliest?.probability };
  };
  const onDuration = (audioSeconds: number) => {
    info = { ...info, audioSeconds };
  };
  async function* segments(): AsyncGenerator<Segment> {
    const told = { ...rest, onLanguage, onDuration };
    const options = { ...told, wordTimestamps: words, ...(language === undefined ? {} : { language }) };
    for await (const segment of transcribe(model, audio, options)) {
      info = { ...info, language: info.language ?? segment.language };
      yield segment;
    }
  }
  return { segments: segments(), info: () => info };
}
