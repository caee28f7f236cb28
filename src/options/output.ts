import { formatNames } from '../output/formats.ts';
import { formatList } from './kinds/format-names.ts';
import { nameOf } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option } from './option.ts';

const group = 'Output';
const doors = ['transcribe'] as const;
const toFiles = ['transcribe', 'queue add'] as const;
const ofQueues = ['queue add', 'queue status', 'queue results', 'queue cancel', 'queue retry'] as const;
const measuring = ['bench', 'accuracy'] as const;

/** Which recordings, and what becomes of results. */
export const outputOptions = {
  filesFrom: option(nameOf('list'), {
    group: 'Input',
    doors: toFiles,
    help: 'Transcribe the paths in this file too, one a line or with NUL between them; - is stdin.',
  }),
  format: option(formatList, {
    group,
    short: 'f',
    doors: toFiles,
    commonIn: toFiles,
    help: `Write ${formatNames.join(', ')}, several of them with commas between them, or all.`,
    defaultText: 'txt',
  }),
  outputDir: option(nameOf('folder'), {
    group,
    short: 'o',
    doors: toFiles,
    commonIn: toFiles,
    help: 'Write files there, skipping what is finished. Without it transcribe writes to stdout.',
  }),
  overwrite: option(yesOrNo, {
    group,
    doors,
    needs: [{ name: 'outputDir' }],
    help: 'Do again what is finished.',
  }),
  timestamps: option(yesOrNo, {
    group,
    doors,
    commonIn: ['transcribe'],
    help: 'Print each segment with its times as soon as it is decoded: [00:00.000 --> 00:04.860] text.',
  }),
  saveReference: option(nameOf('file'), {
    group,
    doors: ['accuracy'],
    commonIn: ['accuracy'],
    conflicts: [{ name: 'ref' }],
    because: 'it needs a model as reference, not a file',
    help: 'Keep what the reference gives in this file, for --ref on another machine.',
  }),
  report: option(nameOf('folder'), {
    group,
    doors: measuring,
    commonIn: ['bench', 'accuracy'],
    help: 'Write a page to look at and the figures as JSON into this folder.',
  }),
  bugReport: option(nameOf('file'), {
    group,
    doors: ['doctor'],
    flag: 'report',
    help: 'Write all that is found into this file, for a bug report: no names of users, models or files of yours are in it.',
  }),
  verbose: option(yesOrNo, {
    group,
    doors: ['doctor'],
    help: 'Print every file that was tried too.',
  }),
  colors: option(yesOrNo, {
    group,
    doors,
    help: 'Colour words by confidence, from red to green.',
    offHelp: 'Never colour words.',
    defaultText: 'on a terminal, where words are known',
  }),
  json: option(yesOrNo, {
    group,
    doors: [...doors, ...measuring, 'bench compare', ...ofQueues, 'convert', 'pull', 'models list', 'doctor'],
    help: 'Print results as JSON, one object per line.',
  }),
  quiet: option(yesOrNo, {
    group,
    short: 'q',
    doors: [...doors, ...measuring, 'serve', ...ofQueues, 'worker', 'convert', 'pull'],
    help: 'Print results, warnings and errors only.',
  }),
};
