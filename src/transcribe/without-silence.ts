import { sampleRate } from '../features/log-mel.ts';
import { speechOnly } from '../vad/speech-chunks.ts';
import type { SpeechTimes } from '../vad/speech-times.ts';
import type { Recording } from './log-mel-source.ts';
import type { ResolvedOptions } from './options.ts';
import type { Segment } from './segment.ts';

/** A recording without its silence, and where in it the times of what is left lie. */
export interface SpeechRecording extends Recording {
  /** Of the last reading. */
  times(): SpeechTimes;
  /** How long the whole recording is, as far as it has been read. */
  durationSeconds(): number;
}

export function withoutSilence(
  recording: Recording,
  { model, options }: NonNullable<ResolvedOptions['speech']>,
): SpeechRecording {
  let times: SpeechTimes | undefined;
  let sampleCount = 0;
  async function* counted(): AsyncGenerator<Float32Array> {
    sampleCount = 0;
    for await (const block of recording.samples()) {
      sampleCount += block.length;
      yield block;
    }
  }
  return {
    samples() {
      const speech = speechOnly(counted(), model, options);
      times = speech.times;
      return speech.samples;
    },
    times() {
      if (times === undefined) throw new Error('the recording has not been read');
      return times;
    },
    durationSeconds: () => sampleCount / sampleRate,
  };
}

/** A segment that was found in speech alone, with its times in the recording. */
export function inRecording(segment: Segment, times: SpeechTimes): Segment {
  const words = segment.words?.map((word) => ({ ...word, ...times.originalWord(word.startSeconds, word.endSeconds) }));
  return {
    ...segment,
    startSeconds: words?.[0]?.startSeconds ?? times.original(segment.startSeconds),
    endSeconds: words?.at(-1)?.endSeconds ?? times.original(segment.endSeconds, true),
    ...(words === undefined ? {} : { words }),
  };
}
