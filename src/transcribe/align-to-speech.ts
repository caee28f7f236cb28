import type { TimeSpan } from '../vad/speech-chunks.ts';
import type { Segment } from './segment.ts';

/** A segment reaches into a stretch of speech only by more than this, where it reaches into another one by more. */
const touchSeconds = 0.3;

/** A segment in silence is moved to speech this far off, no farther: it was heard in the same window. */
const farthestSeconds = 30;

/**
 * Moves the ends of segments to those of the speech that they reach into. A segment in silence, which is what a model makes
 * of speech behind a long pause, goes to the nearest speech, later rather than earlier, that no other segment stands in.
 * Segments with words keep the times of their words.
 *
 * @param speech all stretches of the recording, in order; times as the segments count them
 */
export async function* alignToSpeech(
  segments: AsyncIterable<Segment>,
  speech: readonly TimeSpan[],
): AsyncGenerator<Segment> {
  let waiting: Segment | undefined;
  let lastEnd = 0;
  const aligned = (segment: Segment, nextStart: number) => {
    const place = placeOf(segment, speech, lastEnd, nextStart);
    lastEnd = place.endSeconds;
    return { ...segment, ...place };
  };
  for await (const segment of segments) {
    if (waiting !== undefined) yield aligned(waiting, segment.startSeconds);
    waiting = segment;
  }
  if (waiting !== undefined) yield aligned(waiting, Number.POSITIVE_INFINITY);
}

function placeOf(segment: Segment, speech: readonly TimeSpan[], lastEnd: number, nextStart: number): TimeSpan {
  const { startSeconds, endSeconds, words = [] } = segment;
  const own = { startSeconds, endSeconds };
  if (words.length > 0) return own;
  const reached = speech.filter((span) => overlap(span, own) > 0);
  const longest = Math.max(0, ...reached.map((span) => overlap(span, own)));
  const meant = reached.filter((span) => overlap(span, own) >= Math.min(touchSeconds, longest));
  const [first, last] = [meant[0], meant.at(-1)];
  if (first !== undefined && last !== undefined)
    return {
      startSeconds: Math.max(startSeconds, first.startSeconds, Math.min(lastEnd, last.endSeconds)),
      endSeconds: Math.min(endSeconds, last.endSeconds),
    };
  const free = speech.filter((span) => span.startSeconds >= lastEnd - touchSeconds && span.startSeconds < nextStart);
  const later = free.find(
    (span) => span.startSeconds >= endSeconds && span.startSeconds - endSeconds <= farthestSeconds,
  );
  const earlier = free.findLast(
    (span) => span.endSeconds <= startSeconds && startSeconds - span.endSeconds <= farthestSeconds,
  );
  const nearest = later ?? earlier;
  if (nearest === undefined) return own;
  const start = Math.max(nearest.startSeconds, lastEnd);
  const end = Math.min(Math.max(nearest.endSeconds, start), nextStart);
  return end > start
    ? { startSeconds: start, endSeconds: Math.min(end, start + Math.max(endSeconds - startSeconds, 0.1)) }
    : own;
}

function overlap(a: TimeSpan, b: TimeSpan): number {
  return Math.min(a.endSeconds, b.endSeconds) - Math.max(a.startSeconds, b.startSeconds);
}
