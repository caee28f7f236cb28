import { sampleRate } from '../audio/windows.ts';
import type { SampleSpan } from './speech-rule.ts';

/** Tells where in the recording a time lies that was found in its speech alone, put end to end. */
export interface SpeechTimes {
  /** the stretches of the recording that make up the speech, in order */
  readonly spans: readonly { readonly startSeconds: number; readonly endSeconds: number }[];
  /**
   * @param seconds in the speech
   * @param isEnd that something ends then: at a seam the speech before it is meant, else the speech behind
   * @returns seconds in the recording
   */
  original(seconds: number, isEnd?: boolean): number;
  /** Moves a word as a whole, by where its middle lies, so that it keeps its length. */
  originalWord(startSeconds: number, endSeconds: number): { startSeconds: number; endSeconds: number };
}

/** The same, growing with the speech that is found. */
export interface GrowingSpeechTimes extends SpeechTimes {
  /** Says that the speech goes on with this stretch of the recording, or that its last stretch goes on up to `end`. */
  extend(span: SampleSpan): void;
}

/** As faster_whisper/vad.py SpeechTimestampsMap and transcribe.py restore_speech_timestamps move times. */
export function createSpeechTimes(spans: readonly SampleSpan[] = []): GrowingSpeechTimes {
  /** stretches with where each ends in the speech; one entry for a stretch, however it grew */
  const stretches: { start: number; end: number; speechEnd: number }[] = [];

  function extend({ start, end }: SampleSpan): void {
    const last = stretches.at(-1);
    if (last?.end === start) {
      last.speechEnd += end - start;
      last.end = end;
    } else stretches.push({ start, end, speechEnd: (last?.speechEnd ?? 0) + end - start });
  }

  /** How much silence was left out before a sample of the speech. */
  function silenceBefore(sample: number, isEnd: boolean): number {
    let [low, high] = [0, stretches.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      const speechEnd = stretches[middle]?.speechEnd ?? 0;
      if (isEnd ? speechEnd >= sample : speechEnd > sample) high = middle;
      else low = middle + 1;
    }
    const stretch = stretches[low];
    return stretch === undefined ? 0 : stretch.end - stretch.speechEnd;
  }

  const moved = (seconds: number, by: number) => seconds + by / sampleRate;
  for (const span of spans) extend(span);
  return {
    extend,
    get spans() {
      return stretches.map(({ start, end }) => ({ startSeconds: start / sampleRate, endSeconds: end / sampleRate }));
    },
    original: (seconds, isEnd = false) => moved(seconds, silenceBefore(Math.round(seconds * sampleRate), isEnd)),
    originalWord(startSeconds, endSeconds) {
      const by = silenceBefore(Math.round(((startSeconds + endSeconds) / 2) * sampleRate), false);
      return { startSeconds: moved(startSeconds, by), endSeconds: moved(endSeconds, by) };
    },
  };
}
