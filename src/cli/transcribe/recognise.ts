import type { AudioRecording } from '../../audio/recording.ts';
import type { LanguageProbability } from '../../decoding/language.ts';
import type { LoadedModel } from '../../transcribe/loaded-model.ts';
import type { TranscribeOptions } from '../../transcribe/options.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { transcribe } from '../../transcribe/transcribe.ts';

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

/** Transcribes a recording and notes what becomes known of it on the way. */
export function recognise(model: LoadedModel, audio: AudioRecording, asked: TranscribeOptions): Recognition {
  let info: RecordingInfo = {
    language: asked.language,
    languageProbability: undefined,
    audioSeconds: audio.durationSeconds ?? 0,
  };
  const onLanguage = ([likeliest]: readonly LanguageProbability[]) => {
    info = { ...info, language: likeliest?.language, languageProbability: likeliest?.probability };
  };
  const onDuration = (audioSeconds: number) => {
    info = { ...info, audioSeconds };
  };
  async function* segments(): AsyncGenerator<Segment> {
    for await (const segment of transcribe(model, audio, { ...asked, onLanguage, onDuration })) {
      info = { ...info, language: info.language ?? segment.language };
      yield segment;
    }
  }
  return { segments: segments(), info: () => info };
}
