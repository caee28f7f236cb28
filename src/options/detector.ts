import { integer, largestCount, number } from './kinds/numbers.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option } from './option.ts';

const group = 'Speech';
const doors = ['transcribe', 'speech.options', 'audio form', 'queue add'] as const;
const needs = [{ name: 'vad' }, { name: 'batchSize', above: 1 }];
const milliseconds = integer(0, largestCount, 'ms');

/** How speech is told from silence. */
export const detectorOptions = {
  vad: option(yesOrNo, {
    group,
    doors: ['transcribe', 'audio form', 'queue add'],
    commonIn: ['transcribe', 'queue add'],
    help: 'Find the speech and skip silence and noise. Batches (--batch-size) always do.',
  }),
  alignToSpeech: option(yesOrNo, {
    group,
    doors: ['transcribe', 'audio form', 'queue add'],
    help: 'Move the ends of segments to where speech begins and ends. Without it they are openai/whisper’s, which lie in silence behind long pauses.',
  }),
  threshold: option(number(0, 1), {
    group,
    doors: doors,
    flag: 'vad-threshold',
    needs,
    help: 'Start speech where its probability reaches this.',
    defaultText: '0.5',
  }),
  minSpeechMs: option(milliseconds, {
    group,
    doors: doors,
    flag: 'vad-min-speech',
    needs,
    help: 'Skip speech that is shorter than this; 0 keeps all of it.',
    defaultText: '0',
  }),
  minSilenceMs: option(milliseconds, {
    group,
    doors: doors,
    flag: 'vad-min-silence',
    needs,
    help: 'Keep silence that is shorter than this.',
    defaultText: '2000, in batches 160',
  }),
  speechPadMs: option(milliseconds, {
    group,
    doors: doors,
    flag: 'vad-speech-pad',
    needs,
    help: 'Keep this much on both sides of speech.',
    defaultText: '400',
  }),
  negThreshold: option(number(0, 1), {
    group,
    doors: ['speech.options'],
    help: 'End speech where its probability falls below this.',
    defaultText: '0.15 below the threshold, at least 0.01',
  }),
  maxSpeechSeconds: option(number(0.1, largestCount), {
    group,
    doors: ['speech.options'],
    help: 'Split longer speech at its last pause.',
    defaultText: 'never',
  }),
  maxChunkSeconds: option(number(0.1, 30), {
    group,
    doors: ['speech.options'],
    help: 'Decode at most this much speech in a window of a batch.',
    defaultText: '30',
  }),
  maxPauseSeconds: option(number(0, 30), {
    group,
    doors: ['speech.options'],
    help: 'Leave silence of up to this length in a window of a batch.',
    defaultText: '1.2',
  }),
};
