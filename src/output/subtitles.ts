import { type CueLayout, cues } from './cues.ts';
import { timestamp } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/** SubRip: numbered cues, hours always, a comma before the milliseconds. */
export function srt({ segments }: Transcript, layout: CueLayout): string {
  const time = (seconds: number) => timestamp(seconds, 'always', ',');
  return cues(segments, layout)
    .map((cue, i) => `${i + 1}\n${time(cue.startSeconds)} --> ${time(cue.endSeconds)}\n${cue.text}\n\n`)
    .join('');
}

/** WebVTT: hours only where there are any. In a cue's text `&` and `<` have to be written as references (WebVTT, §4.2.2). */
export function vtt({ segments }: Transcript, layout: CueLayout): string {
  const time = (seconds: number) => timestamp(seconds, 'if any', '.');
  const blocks = cues(segments, layout, escaped).map(
    (cue) => `${time(cue.startSeconds)} --> ${time(cue.endSeconds)}\n${cue.text}\n\n`,
  );
  return `WEBVTT\n\n${blocks.join('')}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
