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
  /** Where in between, in seconds in the speech, two stretches meet whose silence was taken out. */
  seamsBetween(startSeconds: number, endSeconds: number): readonly number[];
  /** Moves a word by where its middle lies. What of it lies outside of that stretch of speech is cut off. */
  originalWord(startSeconds: number, endSeconds: number): { startSeconds: number; endSeconds: number };
}

/** The same, growing with the speech that is found. */
export interface GrowingSpeechTimes extends SpeechTimes {
  /**
   * Says that the speech goes on with this stretch of the recording, or that its last stretch goes on up to `end`.
   *
   * @param unpadded what of the stretch is speech, as far as it is known
   */
  extend(span: SampleSpan, unpadded?: SampleSpan): void;
}

/** How far from where the detector hears speech a word may begin or end. */
const toleranceSeconds = 0.2;

/** Without what floats add of their own. */
const rounded = (seconds: number) => Math.round(seconds * 1e9) / 1e9;

/** As faster_whisper/vad.py SpeechTimestampsMap and transcribe.py restore_speech_timestamps move times. */
export function createSpeechTimes(spans: readonly SampleSpan[] = []): GrowingSpeechTimes {
  /** stretches with where each ends in the speech; one entry for a stretch, however it grew */
  const stretches: { start: number; end: number; speechEnd: number; unpadded: SampleSpan }[] = [];

  function extend({ start, end }: SampleSpan, unpadded: SampleSpan = { start, end }): void {
    const last = stretches.at(-1);
    if (last?.end === start) {
      last.speechEnd += end - start;
      last.end = end;
      last.unpadded = { start: Math.min(last.unpadded.start, unpadded.start), end: unpadded.end };
    } else stretches.push({ start, end, speechEnd: (last?.speechEnd ?? 0) + end - start, unpadded });
  }

  /** Which stretch a sample of the speech lies in; the last one for what lies behind all. */
  function stretchAt(sample: number, isEnd: boolean): number {
    let [low, high] = [0, stretches.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      const speechEnd = stretches[middle]?.speechEnd ?? 0;
      if (isEnd ? speechEnd >= sample : speechEnd > sample) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** How much silence was left out before a stretch. */
  function silenceBefore(index: number): number {
    const stretch = stretches[index];
    return stretch === undefined ? 0 : stretch.end - stretch.speechEnd;
  }

  const toSample = (seconds: number) => Math.round(seconds * sampleRate);

  const moved = (seconds: number, by: number) => rounded(seconds + by / sampleRate);
  for (const span of spans) extend(span);
  return {
    extend,
    get spans() {
      return stretches.map(({ start, end }) => ({ startSeconds: start / sampleRate, endSeconds: end / sampleRate }));
    },
    original: (seconds, isEnd = false) => moved(seconds, silenceBefore(stretchAt(toSample(seconds), isEnd))),
    seamsBetween(startSeconds, endSeconds) {
      const [from, to] = [toSample(startSeconds), toSample(endSeconds)];
      const inside = stretches.slice(stretchAt(from, false), stretches.length - 1);
      return inside
        .map(({ speechEnd }) => speechEnd)
        .filter((seam) => seam > from && seam < to)
        .map((seam) => seam / sampleRate);
    },
    originalWord(startSeconds, endSeconds) {
      const index = stretchAt(toSample((startSeconds + endSeconds) / 2), false);
      const by = silenceBefore(index);
      const { start, end } = stretches[index]?.unpadded ?? { start: 0, end: Number.POSITIVE_INFINITY };
      const word = { startSeconds: moved(startSeconds, by), endSeconds: moved(endSeconds, by) };
      const cut = {
        startSeconds: Math.max(word.startSeconds, rounded(start / sampleRate - toleranceSeconds)),
        endSeconds: Math.min(word.endSeconds, rounded(end / sampleRate + toleranceSeconds)),
      };
      // One that the detector did not hear at all keeps its place.
      return cut.startSeconds < cut.endSeconds ? cut : word;
    },
  };
}
