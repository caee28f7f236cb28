import { windowSamples } from './speech-model.ts';

/** A stretch of a recording in samples at 16 kHz, its end not included. */
export interface SampleSpan {
  readonly start: number;
  readonly end: number;
}

/** Limits in samples. */
export interface SpeechLimits {
  readonly threshold: number;
  readonly negThreshold: number;
  readonly minSpeech: number;
  readonly maxSpeech: number;
  readonly minSilence: number;
}

/** Speech as found, without what is added around it. */
export interface SpeechRule {
  /** @returns the speech that this window has ended, if it was long enough */
  push(probability: number): SampleSpan[];
  /** @param nSamples length of the recording */
  finish(nSamples: number): SampleSpan[];
  /** The speech under way; it reaches to `end` at least. `isLong` says that it will not be dropped as too short. */
  readonly begun: (SampleSpan & { readonly isLong: boolean }) | undefined;
  /** where the next window begins */
  readonly position: number;
}

/** A pause of 98 ms is worth splitting long speech at. */
const splitSilence = 98 * 16;

/**
 * Speech begins at `threshold` and ends where the probability falls below `negThreshold` for `minSilence`. Beyond
 * `maxSpeech` it is split at its last pause, else where it is. Rule of faster_whisper/vad.py get_speech_timestamps.
 */
export function createSpeechRule(limits: SpeechLimits): SpeechRule {
  const { threshold, negThreshold, minSpeech, maxSpeech, minSilence } = limits;
  let position = 0;
  let start: number | undefined;
  /** where it fell silent; it may still go on */
  let silentSince: number | undefined;
  /** the last pause, and where speech went on behind it */
  let pause: { readonly from: number; to?: number } | undefined;

  function begin(at: number | undefined): void {
    start = at;
    silentSince = undefined;
    pause = undefined;
  }

  function push(probability: number): SampleSpan[] {
    const at = position;
    position += windowSamples;
    if (probability >= threshold && silentSince !== undefined) {
      silentSince = undefined;
      if (pause !== undefined) pause.to ??= at;
    }
    if (start === undefined) {
      if (probability >= threshold) begin(at);
      return [];
    }
    const ended: SampleSpan[] = [];
    if (at - start > maxSpeech) {
      ended.push({ start, end: pause?.from ?? at });
      if (pause === undefined) {
        begin(undefined);
        return ended;
      }
      begin(pause.to);
    }
    if (probability < negThreshold && start !== undefined) {
      silentSince ??= at;
      if (at - silentSince > splitSilence) pause = { from: silentSince };
      if (at - silentSince >= minSilence) {
        if (silentSince - start > minSpeech) ended.push({ start, end: silentSince });
        begin(undefined);
      }
    }
    return ended;
  }

  return {
    push,
    finish: (nSamples) => (start !== undefined && nSamples - start > minSpeech ? [{ start, end: nSamples }] : []),
    get begun() {
      if (start === undefined) return undefined;
      const isLong = (silentSince ?? position - windowSamples) - start > minSpeech;
      const canSplit = Number.isFinite(maxSpeech);
      return { start, end: (canSplit ? pause?.from : undefined) ?? silentSince ?? position, isLong };
    },
    get position() {
      return position;
    },
  };
}
