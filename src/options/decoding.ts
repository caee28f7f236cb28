import { integer, largestCount, number, numbers, tokens } from './kinds/numbers.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Decoding';
const doors = ['transcribe', 'transcribe()', 'audio form', 'queue add'] as const;
const textCount = integer(1, 1024);
const temperature = { from: 0, to: 1 };
const drawing = [
  { name: 'temperature', above: 0 },
  { name: 'temperatureIncrement', above: 0 },
  { name: 'temperatures', above: 0 },
];

/** How texts are looked for. Names and defaults are openai/whisper's (transcribe.py) where it has them. */
export const decodingOptions = {
  beamSize: optionWithDefault(textCount, 1, {
    group,
    doors: [...doors, 'convert'],
    help: 'Search with this many hypotheses; 1 is greedy decoding.',
  }),
  patience: optionWithDefault(number(0.1, 10), 1, {
    group,
    doors,
    needs: [{ name: 'beamSize', above: 1 }],
    help: 'Search until this factor times the number of beams of hypotheses have ended; 1 stops at the number of beams.',
  }),
  lengthPenalty: option(number(0, 1), {
    group,
    doors,
    needs: [
      { name: 'beamSize', above: 1 },
      { name: 'bestOf', above: 1 },
    ],
    help: 'Rank hypotheses with this length penalty, of which higher values favour longer texts.',
    defaultText: 'by the mean log-probability',
  }),
  bestOf: optionWithDefault(textCount, 5, {
    group,
    doors,
    needs: drawing,
    help: 'Sample this many texts at temperatures above 0 and take the likeliest; 1 takes what is sampled.',
  }),
  temperature: optionWithDefault(number(temperature.from, temperature.to), 0, {
    group,
    doors: ['transcribe', 'audio form', 'queue add'],
    help: 'Decode at this temperature first; 0 takes the likeliest tokens, higher ones sample.',
  }),
  temperatureIncrement: optionWithDefault(number(temperature.from, temperature.to), 0.2, {
    group,
    doors: ['transcribe', 'audio form', 'queue add'],
    help: 'Decode a rejected text again at a temperature that is higher by this, up to 1; 0 never decodes again.',
  }),
  temperatures: optionWithDefault(numbers(temperature.from, temperature.to), [0, 0.2, 0.4, 0.6, 0.8, 1], {
    group,
    doors: ['transcribe()'],
    help: 'Decode at these temperatures one after the other until a text is accepted; a single one never decodes again.',
  }),
  compressionRatioThreshold: optionWithDefault(number(0, 1000), 2.4, {
    group,
    doors,
    help: 'Reject a text whose compression ratio is above this, as it repeats itself; 1000 accepts every text.',
  }),
  logprobThreshold: optionWithDefault(number(-1000, 0), -1, {
    group,
    doors,
    help: 'Reject a text whose mean log-probability is below this; -1000 accepts every text.',
  }),
  noSpeechThreshold: optionWithDefault(number(0, 1), 0.6, {
    group,
    doors,
    help: 'Take a window for silence if its probability of no speech is above this and its text is unlikely; 1 never does.',
  }),
  conditionOnPreviousText: optionWithDefault(yesOrNo, true, {
    group,
    doors,
    help: 'Give the text before a window as its prompt; false decodes every window by itself.',
    offHelp:
      'Do not give the text before a window as its prompt: texts are less consistent, and repetition does not spread.',
  }),
  suppressTokens: optionWithDefault(tokens, [], {
    group,
    doors,
    help: 'Never choose these tokens, as 13,30, in addition to the model’s own list.',
    defaultText: 'none',
  }),
  hallucinationSilenceSeconds: option(number(0, 3600, 's'), {
    group,
    doors,
    flag: 'hallucination-silence-threshold',
    needs: ['wordTimestamps', 'maxLineWidth', 'maxLineCount', 'maxWordsPerLine', 'highlightWords'].map((name) => ({
      name,
    })),
    help: 'Skip silence longer than this around words that are probably hallucinated. It needs word times.',
    defaultText: 'never',
  }),
  seed: optionWithDefault(integer(0, largestCount), 0, {
    group,
    doors,
    needs: drawing,
    help: 'Seed the random numbers of temperatures above 0: the same seed gives the same texts.',
  }),
  batchSize: optionWithDefault(textCount, 1, {
    group,
    doors: [...doors, 'convert'],
    commonIn: ['transcribe'],
    requires: [{ name: 'speech' }],
    because: 'batches are of stretches of speech',
    help: 'Decode this many stretches of speech of up to 30 s together; 1 decodes window after window.',
  }),
};
