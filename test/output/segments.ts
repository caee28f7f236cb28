import type { Transcript } from '../../src/output/transcript.ts';
import type { Segment, Word } from '../../src/transcribe/segment.ts';

/** A segment that says something; everything but its times and text is arbitrary. */
export function segment(startSeconds: number, endSeconds: number, text: string, words?: readonly Word[]): Segment {
  return {
    id: 0,
    seek: 0,
    startSeconds,
    endSeconds,
    text,
    tokens: [50364, 2425, 50464],
    temperature: 0,
    avgLogprob: -0.25,
    compressionRatio: 1.5,
    noSpeechProb: 1e-7,
    language: 'en',
    ...(words === undefined ? {} : { words }),
  };
}

/** A segment of words, each `[text, start, end]`. */
export function spoken(...words: readonly (readonly [text: string, start: number, end: number])[]): Segment {
  const all = words.map(([text, startSeconds, endSeconds]) => ({ text, startSeconds, endSeconds, probability: 0.5 }));
  const text = all.map((word) => word.text).join('');
  return segment(all[0]?.startSeconds ?? 0, all.at(-1)?.endSeconds ?? 0, text, all);
}

export function transcript(...segments: readonly Segment[]): Transcript {
  return {
    file: 'talk.wav',
    segments,
    language: 'en',
    task: 'transcribe',
    audioSeconds: 61.5,
    model: 'whisper-base',
    device: 'CPU, 2 threads',
  };
}
