import type { TimeSpan } from '../../vad/speech-chunks.ts';

/** How much speech there is in a part of a recording. */
export interface PartLimits {
  readonly leastSeconds: number;
  readonly mostSeconds: number;
}

/** A part takes a few seconds more than its transcription, so it should be minutes long. @param leastSeconds tests have less patience */
export function partLimits(leastSeconds = 300): PartLimits {
  return { leastSeconds, mostSeconds: 2 * leastSeconds };
}

/**
 * Where a recording is cut into parts: in the middle of the longest pause, the last of equals, that leaves a part with as much speech as it should
 * have, and through speech where there is no such pause. The last part may be shorter.
 *
 * @param speech all stretches of it, in order
 * @returns seconds, in order; none where it is short enough
 */
export function cutPlaces(speech: readonly TimeSpan[], { leastSeconds, mostSeconds }: PartLimits): number[] {
  const cuts: number[] = [];
  let left = speech;
  while (lengthOf(left) > mostSeconds) {
    const cut = nextCut(left, leastSeconds, mostSeconds);
    cuts.push(cut);
    left = left
      .filter(({ endSeconds }) => endSeconds > cut)
      .map(({ startSeconds, endSeconds }) => ({ startSeconds: Math.max(startSeconds, cut), endSeconds }));
  }
  return cuts;
}

function nextCut(speech: readonly TimeSpan[], leastSeconds: number, mostSeconds: number): number {
  let longest: { readonly pauseSeconds: number; readonly at: number } | undefined;
  let heard = 0;
  for (const [i, { startSeconds, endSeconds }] of speech.entries()) {
    const length = endSeconds - startSeconds;
    if (heard + length > mostSeconds) return longest?.at ?? rounded(startSeconds + mostSeconds - heard);
    heard += length;
    const nextStart = speech[i + 1]?.startSeconds ?? endSeconds;
    const pauseSeconds = nextStart - endSeconds;
    if (heard >= leastSeconds && pauseSeconds >= (longest?.pauseSeconds ?? 0))
      longest = { pauseSeconds, at: rounded((endSeconds + nextStart) / 2) };
  }
  throw new Error('there is more speech than fits into a part');
}

/** Parts begin at whole frames of 10 ms. */
function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

function lengthOf(speech: readonly TimeSpan[]): number {
  return speech.reduce((sum, { startSeconds, endSeconds }) => sum + endSeconds - startSeconds, 0);
}
