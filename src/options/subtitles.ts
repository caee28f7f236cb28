import { integer } from './kinds/numbers.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Subtitles (by word times)';
const doors = ['transcribe', 'formats', 'audio form', 'queue add'] as const;
const count = integer(1, 1024);
const needs = [{ name: 'format', listing: ['srt', 'vtt'] }];

/** When words were said, and how they are laid out in subtitles. */
export const wordOptions = {
  wordTimestamps: optionWithDefault(yesOrNo, false, {
    group: 'Output',
    doors: ['transcribe', 'transcribe()', 'convert', 'audio form', 'queue add'],
    commonIn: ['transcribe', 'queue add'],
    help: 'Find the time of each word, for json, subtitles and colours.',
  }),
  maxLineWidth: option(count, {
    group,
    doors,
    needs,
    help: 'Put at most this many characters into a line of srt and vtt.',
    defaultText: 'no limit',
  }),
  maxLineCount: option(count, {
    group,
    doors,
    needs: [{ name: 'maxLineWidth' }],
    help: 'Put at most this many lines into a cue. It needs --max-line-width.',
    defaultText: 'no limit',
  }),
  maxWordsPerLine: option(count, {
    group,
    doors,
    needs,
    overruledBy: [{ name: 'maxLineWidth' }, { name: 'maxLineCount' }],
    help: 'Put at most this many words into a cue.',
    defaultText: 'no limit',
  }),
  highlightWords: option(yesOrNo, { group, doors, needs, help: 'Underline each word while it is spoken.' }),
};
