import { lines } from './plain-text.ts';
import { roundHalfEven, two } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/** Lyrics: `[mm:ss.xx]text`, minutes beyond 99 where needed; the format has no hours and no end times. */
export function lrc({ segments }: Transcript): string {
  const rows = lines(segments).map(({ startSeconds, text }) => `[${lyricsTime(startSeconds)}]${text}\n`);
  return `[by:whisper-npu]\n${rows.join('')}`;
}

function lyricsTime(seconds: number): string {
  const hundredths = roundHalfEven(Math.max(0, seconds) * 100);
  return `${two(Math.floor(hundredths / 6000))}:${two(Math.floor(hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}
