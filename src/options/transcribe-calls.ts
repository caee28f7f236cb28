import { abortSignal, callback, instance } from './kinds/code-only.ts';
import { number } from './kinds/numbers.ts';
import { anyText } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Transcribing';
const doors = ['transcribe()'] as const;

/** What only a program can say of a transcription. */
export const transcribeCallOptions = {
  timestamps: option(yesOrNo, {
    group,
    doors,
    help: 'Give segments their times.',
    defaultText: 'recordings of more than 30 s only',
  }),
  speech: option(instance, {
    group,
    doors,
    help: 'Find the speech with this model, { model, options }, and listen to that only.',
  }),
  alignTo: option(instance, {
    group,
    doors,
    help: 'Move the ends of segments without words to those of the speech that this model of openSilero() finds.',
  }),
  maxInitialTimestampSeconds: optionWithDefault(number(0, 30, 's'), 1, {
    group,
    doors,
    help: 'Begin the first segment of a window at this time or earlier.',
  }),
  prependPunctuation: optionWithDefault(anyText, '"\'“¿([{-', {
    group,
    doors,
    help: 'Join each of these characters to the word after it.',
  }),
  appendPunctuation: optionWithDefault(anyText, '"\'.。,，!！?？:：”)]}、', {
    group,
    doors,
    help: 'Join each of these characters to the word before it.',
  }),
  onLanguage: option(callback, {
    group,
    doors,
    help: 'Call this with the languages that were heard, likeliest first.',
  }),
  onDuration: option(callback, { group, doors, help: 'Call this with the length of the recording, in seconds.' }),
  onProgress: option(callback, { group, doors, help: 'Call this with how far it is, in seconds of the recording.' }),
  onWarning: option(callback, { group, doors, help: 'Call this with each warning.' }),
  signal: option(abortSignal, { group, doors, help: 'Stop when this is aborted.' }),
};
