import { windowSamples } from './speech-model.ts';
import { createSpeechRule, type SampleSpan } from './speech-rule.ts';

/** What counts as speech. The defaults are those of faster-whisper's `vad_filter` (faster_whisper/vad.py). */
export interface SpeechOptions {
  /** probability from which on a window begins speech; default 0.5 */
  readonly threshold?: number;
  /** probability below which a window may end it; default 0.15 less than `threshold`, but not below 0.01 */
  readonly negThreshold?: number;
  /** shorter speech is none; default 0 */
  readonly minSpeechMs?: number;
  /** longer speech is split, at its last pause of 98 ms if it has one; padding included, default Infinity */
  readonly maxSpeechSeconds?: number;
  /** shorter silence is part of the speech around it; default 2000 */
  readonly minSilenceMs?: number;
  /** what is added on both sides, where two do not meet; default 400 */
  readonly speechPadMs?: number;
}

/** A stretch of speech, padded. */
export interface SpeechSpan extends SampleSpan {
  /** samples of silence between the speech before it, or the beginning, and its own, without padding */
  readonly silenceBefore: number;
}

/** Finds the speech in a stream of probabilities, one for each window. Holds two stretches of it at most. */
export interface SpeechDetector {
  /** @returns the stretches that are now known for good, in order */
  push(probability: number): SpeechSpan[];
  /**
   * Ends the stream.
   *
   * @param nSamples length of the recording
   * @returns the stretches still due
   */
  finish(nSamples: number): SpeechSpan[];
  /** the next stretch as far as it is certain: its start is final, and it reaches to `end` at least */
  readonly open: SampleSpan | undefined;
  /** no stretch still to come, the open one included, begins before this sample */
  readonly earliest: number;
}

const samplesPerMs = 16;

/** What is added on both sides of speech, where nothing else is asked for. */
export const defaultSpeechPadMs = 400;

/** Stretches come padded; two that would overlap share what lies between them. */
export function createSpeechDetector(options: SpeechOptions = {}): SpeechDetector {
  const { threshold = 0.5, minSpeechMs = 0, maxSpeechSeconds = Number.POSITIVE_INFINITY } = options;
  const { minSilenceMs = 2000, speechPadMs = defaultSpeechPadMs } = options;
  const pad = Math.round(speechPadMs * samplesPerMs);
  const rule = createSpeechRule({
    threshold,
    negThreshold: options.negThreshold ?? Math.max(threshold - 0.15, 0.01),
    minSpeech: minSpeechMs * samplesPerMs,
    maxSpeech: maxSpeechSeconds * 1000 * samplesPerMs - windowSamples - 2 * pad,
    minSilence: minSilenceMs * samplesPerMs,
  });
  /** the speech under way, padded at its start, once it is sure to stay */
  let current: { readonly start: number; readonly silenceBefore: number } | undefined;
  /** the speech before; its end is not padded yet, for that depends on what follows */
  let ended: SpeechSpan | undefined;
  let endedAt = 0;
  let known: SpeechSpan[] = [];

  function settle(padding: number): void {
    if (ended !== undefined) known.push({ ...ended, end: ended.end + padding });
    ended = undefined;
  }

  /** Says where the speech that begins at `start` is to begin, and with it where the one before ends. */
  function begin(start: number): { start: number; silenceBefore: number } {
    const silenceBefore = start - endedAt;
    const share = ended === undefined ? pad : Math.min(pad, Math.floor(silenceBefore / 2));
    settle(share);
    return { start: Math.max(0, start - share), silenceBefore };
  }

  function end(span: SampleSpan): void {
    ended = { ...(current ?? begin(span.start)), end: span.end };
    endedAt = span.end;
    current = undefined;
  }

  function push(probability: number): SpeechSpan[] {
    known = [];
    for (const span of rule.push(probability)) end(span);
    const { begun, position } = rule;
    if (begun?.isLong) current ??= begin(begun.start);
    // What begins from here on is too far away to share anything with it.
    const far = endedAt + 2 * pad;
    if ((begun?.start ?? position) >= far && position - windowSamples >= far) settle(pad);
    return known;
  }

  function finish(nSamples: number): SpeechSpan[] {
    known = [];
    for (const span of rule.finish(nSamples)) end(span);
    settle(Math.min(pad, nSamples - endedAt));
    return known;
  }

  return {
    push,
    finish,
    get open() {
      if (ended !== undefined) return ended;
      return current === undefined ? undefined : { start: current.start, end: rule.begun?.end ?? current.start };
    },
    get earliest() {
      return (ended ?? current)?.start ?? Math.max(0, (rule.begun?.start ?? rule.position) - pad);
    },
  };
}
