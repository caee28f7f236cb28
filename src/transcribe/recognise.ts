import type { LanguageProbability } from '../decoding/language.ts';
import type { TranscribeOptions } from './options.ts';
import type { Segment } from './segment.ts';

/** What a recording turned out to be. */
export interface RecordingInfo {
  readonly language: string | undefined;
  /** Where the language was detected. */
  readonly languageProbability: number | undefined;
  readonly audioSeconds: number;
}

/** A recording being listened to. */
export interface Recognition {
  readonly segments: AsyncGenerator<Segment>;
  /** Complete when the segments have come to their end. */
  info(): RecordingInfo;
}

/** Transcribes a recording and notes what becomes known of it on the way. */
export function recognise(
  transcribe: (options: TranscribeOptions) => AsyncIterable<Segment>,
  audio: { readonly durationSeconds: number | undefined },
  asked: TranscribeOptions,
): Recognition {
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
    for await (const segment of transcribe({ ...asked, onLanguage, onDuration })) {
      info = { ...info, language: info.language ?? segment.language };
      yield segment;
    }
  }
  return { segments: segments(), info: () => info };
}
