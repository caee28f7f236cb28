import { language } from './kinds/language.ts';
import { integer, largestCount, number } from './kinds/numbers.ts';
import { nameOf } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Measurement';
const doors = ['bench'] as const;

/** What is measured, and what it is held against. */
export const benchOptions = {
  runs: optionWithDefault(integer(1, 1024), 20, {
    group,
    doors,
    commonIn: ['bench'],
    help: 'Measure this many times.',
  }),
  warmup: optionWithDefault(integer(0, largestCount), 3, {
    group,
    doors,
    help: 'Run this often before the runs that count; 0 counts the first one.',
  }),
  audio: option(nameOf('file'), {
    group,
    doors,
    commonIn: ['bench'],
    help: 'Measure with this recording.',
    defaultText: 'a sample of this program',
  }),
  seconds: option(number(0.1, 3600, 's'), {
    group,
    doors,
    help: 'Cut the audio or repeat it to this length.',
    defaultText: '4 for the sample',
  }),
  tokens: option(integer(1, 1024), {
    group,
    doors,
    commonIn: ['bench'],
    help: 'Decode this many tokens whatever the model says, to compare models.',
  }),
  recordings: option(integer(1, largestCount), {
    group,
    doors,
    conflicts: ['tokens', 'profile', 'compare', 'report', 'runs', 'warmup'].map((name) => ({ name })),
    because: 'what is measured then is how much audio is done in a second',
    help: 'Transcribe the audio this many times at once, and say how much audio is done in a second, with one device and with more of them.',
    defaultText: 'stages of one recording are timed; on several devices 8 for each',
  }),
  profile: option(yesOrNo, {
    group,
    doors,
    commonIn: ['bench'],
    conflicts: [{ name: 'json' }],
    because: 'a profile is a text',
    help: 'Run as often again, to say what in the model takes the time (CPU only).',
  }),
  compare: option(nameOf('file'), {
    group,
    doors,
    commonIn: ['bench'],
    help: 'Hold the result against this earlier one.',
  }),
  tolerance: optionWithDefault(number(0, 1000, 'percent'), 5, {
    group,
    doors: [...doors, 'bench compare'],
    needs: [{ name: 'compare' }],
    help: 'Take a difference of up to this many percent for none.',
  }),
  language: optionWithDefault(language, 'en', {
    group: 'Speech',
    short: 'l',
    doors,
    help: 'Decode in this language: a code, a locale or a name (de, de-AT, German).',
  }),
};
