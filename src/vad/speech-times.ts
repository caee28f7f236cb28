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
  /** Where in the recording voices are heard between two times in the speech, cut to what lies between. */
  voicesBetween(startSeconds: number, endSeconds: number): readonly HeardVoice[];
  /**
   * A time in the speech at which a word is heard, which tells the stretch that it belongs to: in the voice that it overlaps
   * most, else at the nearest end of one. Its middle may lie in padding, on the other side of a seam.
   */
  wordHeardAt(startSeconds: number, endSeconds: number): number;
  /** Moves a word to the stretch in which it is heard. What of it lies away from the voice there is cut off. */
  originalWord(startSeconds: number, endSeconds: number): { startSeconds: number; endSeconds: number };
}

/** A voice without padding and pauses, in seconds of the recording. */
export interface HeardVoice {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Whether it begins there, and is not what goes on of one before. */
  readonly begins: boolean;
}

/** The same, growing with the speech that is found. */
export interface GrowingSpeechTimes extends SpeechTimes {
  /** Says that the speech goes on with this stretch of the recording, or that its last stretch goes on up to `end`. */
  extend(span: SampleSpan): void;
  /** Says where in the recording a voice is heard, without padding and pauses; or when the last one that it was told of ends. */
  hear(voice: SampleSpan): void;
}

/** How far from the voice that it is heard in a word may begin or end. */
const toleranceSeconds = 0.05;
/** The same for one that is heard in none: the detector passes over what is said softly before or behind a voice. */
const softSeconds = 0.25;

/** Without what floats add of their own. */
const rounded = (seconds: number) => Math.round(seconds * 1e9) / 1e9;

/** As faster_whisper/vad.py SpeechTimestampsMap and transcribe.py restore_speech_timestamps move times. */
export function createSpeechTimes(spans: readonly SampleSpan[] = []): GrowingSpeechTimes {
  /** stretches with where each ends in the speech; one entry for a stretch, however it grew */
  const stretches: { start: number; end: number; speechEnd: number }[] = [];
  const voices: SampleSpan[] = [];

  function extend({ start, end }: SampleSpan): void {
    const last = stretches.at(-1);
    if (last?.end === start) {
      last.speechEnd += end - start;
      last.end = end;
    } else stretches.push({ start, end, speechEnd: (last?.speechEnd ?? 0) + end - start });
  }

  function hear(voice: SampleSpan): void {
    if (voices.at(-1)?.start === voice.start) voices.pop();
    voices.push(voice);
  }

  /** Which stretch a sample of the speech lies in; the last one for what lies behind all. */
  function stretchAt(sample: number, isEnd: boolean): number {
    const index = partition(stretches, ({ speechEnd }) => (isEnd ? speechEnd < sample : speechEnd <= sample));
    return Math.min(index, Math.max(0, stretches.length - 1));
  }

  /** How much silence was left out before a stretch. */
  function silenceBefore(index: number): number {
    const stretch = stretches[index];
    return stretch === undefined ? 0 : stretch.end - stretch.speechEnd;
  }

  /** Where in the speech a sample of the recording lies. */
  function inSpeech(sample: number): number {
    const index = partition(stretches, ({ end }) => end < sample);
    return sample - silenceBefore(Math.min(index, Math.max(0, stretches.length - 1)));
  }

  function wordHeardAt(startSeconds: number, endSeconds: number): number {
    const [start, end] = [toSample(startSeconds), toSample(endSeconds)];
    const heard = voiceOf(start, end, voices, inSpeech);
    if (heard === undefined) return (startSeconds + endSeconds) / 2;
    // Within the voice, so that a seam at its very end lies behind it.
    const clamped = (sample: number) => Math.max(heard.start, Math.min(sample, heard.end - 1));
    return (clamped(start) + clamped(end)) / 2 / sampleRate;
  }

  const toSample = (seconds: number) => Math.round(seconds * sampleRate);

  const toOriginal = (seconds: number, isEnd: boolean) =>
    toSample(seconds) + silenceBefore(stretchAt(toSample(seconds), isEnd));
  const moved = (seconds: number, by: number) => rounded(seconds + by / sampleRate);
  for (const span of spans) extend(span);
  return {
    extend,
    hear,
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
    voicesBetween(startSeconds, endSeconds) {
      const [from, to] = [toOriginal(startSeconds, false), toOriginal(endSeconds, true)];
      return voices
        .slice(partition(voices, (voice) => voice.end <= from))
        .filter((voice) => voice.start < to)
        .map(({ start, end }) => ({
          startSeconds: Math.max(start, from) / sampleRate,
          endSeconds: Math.min(end, to) / sampleRate,
          begins: start >= from,
        }));
    },
    wordHeardAt,
    originalWord(startSeconds, endSeconds) {
      const at = toSample(wordHeardAt(startSeconds, endSeconds));
      const [start, end] = [toSample(startSeconds), toSample(endSeconds)];
      const heard = voiceOf(start, end, voices, inSpeech);
      const by = silenceBefore(stretchAt(at, false));
      const word = { startSeconds: moved(startSeconds, by), endSeconds: moved(endSeconds, by) };
      if (heard === undefined) return word;
      const reach = heard.start < end && heard.end > start ? toleranceSeconds : softSeconds;
      const cut = {
        startSeconds: Math.max(word.startSeconds, rounded(heard.voice.start / sampleRate - reach)),
        endSeconds: Math.min(word.endSeconds, rounded(heard.voice.end / sampleRate + reach)),
      };
      return cut.startSeconds < cut.endSeconds ? cut : word;
    },
  };
}

/** A voice, as samples of the recording, and where it begins and ends in the speech. */
interface VoiceInSpeech extends SampleSpan {
  readonly voice: SampleSpan;
}

/**
 * The voice that a word has most of, else the nearest one; where two are alike, the earlier.
 *
 * @param start of the word, in samples of the speech
 * @param voices in order
 * @param inSpeech where in the speech a sample of the recording lies
 */
function voiceOf(
  start: number,
  end: number,
  voices: readonly SampleSpan[],
  inSpeech: (sample: number) => number,
): VoiceInSpeech | undefined {
  const common = (heard: SampleSpan) => Math.min(heard.end, end) - Math.max(heard.start, start);
  // The last voice before the word, those that it overlaps, and the first behind it.
  const first = partition(voices, (voice) => inSpeech(voice.end) <= start);
  let best: VoiceInSpeech | undefined;
  for (const voice of voices.slice(Math.max(0, first - 1))) {
    const heard = { voice, start: inSpeech(voice.start), end: inSpeech(voice.end) };
    if (best === undefined || common(heard) > common(best)) best = heard;
    if (heard.start >= end) break;
  }
  return best;
}

/** How many items at the beginning of a list something holds for, which does not hold for those behind them. */
function partition<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
