import type { Segment } from '../transcribe/segment.ts';

/** A segment as one line. */
export interface Line {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** One line without control characters, trimmed, never blank. */
  readonly text: string;
}

/** The segments that say something, as lines. */
export function lines(segments: readonly Segment[]): Line[] {
  return segments.flatMap(({ startSeconds, endSeconds, text }) => {
    const line = oneLine(text).trim();
    return line === '' ? [] : [{ startSeconds, endSeconds, text: line }];
  });
}

/**
 * Text that cannot end a line, a cue or a row, nor steer a terminal: line breaks and control characters but the tab become
 * spaces, halves of characters become U+FFFD.
 */
export function oneLine(text: string): string {
  return wholeCharacters(text.replace(/\r\n|[^\P{Cc}\t]|[\u2028\u2029]/gu, ' '));
}

/** Text that can be written as UTF-8: halves of characters become U+FFFD. */
export function wholeCharacters(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
