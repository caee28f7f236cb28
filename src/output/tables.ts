import { lines } from './plain-text.ts';
import { wholeMs } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/** Tab-separated, times in whole milliseconds, as openai/whisper's. */
export function tsv({ segments }: Transcript): string {
  const rows = lines(segments).map(
    ({ startSeconds, endSeconds, text }) =>
      `${wholeMs(startSeconds)}\t${wholeMs(endSeconds)}\t${text.replaceAll('\t', ' ')}\n`,
  );
  return `start\tend\ttext\n${rows.join('')}`;
}

/** Comma-separated, times in whole milliseconds, text always quoted, as whisper.cpp's but for its leading spaces. */
export function csv({ segments }: Transcript): string {
  const rows = lines(segments).map(
    ({ startSeconds, endSeconds, text }) =>
      `${wholeMs(startSeconds)},${wholeMs(endSeconds)},"${text.replaceAll('"', '""')}"\n`,
  );
  return `start,end,text\n${rows.join('')}`;
}
