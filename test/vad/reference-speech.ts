import type { SpeechOptions } from '../../src/vad/speech-detector.ts';
import type { SampleSpan } from '../../src/vad/speech-rule.ts';

/**
 * The rule of faster-whisper's get_speech_timestamps (faster_whisper/vad.py), all at once and with its own variables: what
 * the detector that sees one probability after the other must agree with.
 */
export function speechTimestamps(probabilities: readonly number[], nSamples: number, options: Required<SpeechOptions>) {
  const pad = 16 * options.speechPadMs;
  const maxSpeech = 16_000 * options.maxSpeechSeconds - 512 - 2 * pad;
  const speeches: { start: number; end: number }[] = [];
  let [triggered, start] = [false, -1];
  let [tempEnd, prevEnd, nextStart] = [0, 0, 0];
  const clear = () => {
    [tempEnd, prevEnd, nextStart] = [0, 0, 0];
  };
  probabilities.forEach((probability, i) => {
    const at = 512 * i;
    if (probability >= options.threshold && tempEnd > 0) {
      tempEnd = 0;
      if (nextStart < prevEnd) nextStart = at;
    }
    if (probability >= options.threshold && !triggered) {
      [triggered, start] = [true, at];
      return;
    }
    if (triggered && at - start > maxSpeech) {
      if (prevEnd === 0) {
        speeches.push({ start, end: at });
        [triggered, start] = [false, -1];
        clear();
        return;
      }
      speeches.push({ start, end: prevEnd });
      if (nextStart < prevEnd) [triggered, start] = [false, -1];
      else start = nextStart;
      clear();
    }
    if (probability < options.negThreshold && triggered) {
      if (tempEnd === 0) tempEnd = at;
      if (at - tempEnd > 98 * 16) prevEnd = tempEnd;
      if (at - tempEnd < 16 * options.minSilenceMs) return;
      if (tempEnd - start > 16 * options.minSpeechMs) speeches.push({ start, end: tempEnd });
      [triggered, start] = [false, -1];
      clear();
    }
  });
  if (start >= 0 && nSamples - start > 16 * options.minSpeechMs) speeches.push({ start, end: nSamples });
  speeches.forEach((speech, i) => {
    if (i === 0) speech.start = Math.max(0, speech.start - pad);
    const next = speeches[i + 1];
    if (next === undefined) {
      speech.end = Math.min(nSamples, speech.end + pad);
      return;
    }
    const silence = next.start - speech.end;
    const share = silence < 2 * pad ? Math.floor(silence / 2) : pad;
    speech.end = Math.min(nSamples, speech.end + share);
    next.start = Math.max(0, next.start - share);
  });
  return speeches satisfies SampleSpan[];
}
