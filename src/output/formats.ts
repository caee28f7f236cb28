import type { CueLayout } from './cues.ts';
import { transcriptJson } from './json.ts';
import { jsonText } from './json-text.ts';
import { lrc } from './lrc.ts';
import { lines } from './plain-text.ts';
import { srt, vtt } from './subtitles.ts';
import { csv, tsv } from './tables.ts';
import type { Transcript } from './transcript.ts';

/** The name of a format, which is also the extension of its files. */
export type FormatName = 'txt' | 'srt' | 'vtt' | 'tsv' | 'json' | 'csv' | 'lrc';

/** What makes each format of a transcript: the content of a file, to be written as UTF-8. */
export const formats: Readonly<Record<FormatName, (transcript: Transcript, layout: CueLayout) => string>> = {
  txt: ({ segments }) =>
    lines(segments)
      .map(({ text }) => `${text}\n`)
      .join(''),
  srt,
  vtt,
  tsv,
  json: (transcript) => jsonText(transcriptJson(transcript)),
  csv,
  lrc,
};

/** Every format, in the order in which they are listed and written. */
export const formatNames = Object.keys(formats) as FormatName[];
