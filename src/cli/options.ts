import { Option } from 'commander';
import { rawEncodings } from '../audio/formats/pcm.ts';
import { parseDevice } from '../backend/device-choice.ts';
import { dtypesOf } from '../dtype.ts';
import { sourceNames } from '../model/fetch/context.ts';
import { defaultThreads } from '../open-model.ts';
import { formatNames } from '../output/formats.ts';
import { transcribeDefaults as defaults } from '../transcribe/options.ts';
import {
  clipList,
  device,
  folderName,
  formatList,
  language,
  numberBetween,
  positiveInteger,
  rawChannels,
  rawRate,
  socName,
  time,
  tokenList,
  wholeNumber,
} from './option-values.ts';

/** Every option of every command, once. Commands pick from this table. */
export const option = {
  model: () =>
    new Option(
      '-m, --model <name>',
      'a name (whisper-base), a hub id (openai/whisper-base) or a folder (default: whisper-medium on an NPU, whisper-base on the CPU)',
    )
      .env('WHISPER_NPU_MODEL')
      .helpGroup('Model:'),
  source: () =>
    new Option('--source <name>', 'fetch the model from this source only').choices(sourceNames).helpGroup('Model:'),
  offline: () => new Option('--offline', 'use only what is on this machine').helpGroup('Model:'),
  device: () =>
    new Option('-d, --device <name>', 'where to run: auto, cpu, npu or npu:N')
      .env('WHISPER_NPU_DEVICE')
      .argParser(device)
      .default(parseDevice('auto'), 'auto')
      .helpGroup('Device:'),
  dtype: () =>
    new Option(
      '--dtype <type>',
      'what to compute in: float16 (default) or float32 on an NPU, float32 (default) or int8 on the CPU',
    )
      .choices([...new Set([...dtypesOf.NPU, ...dtypesOf.CPU])])
      .helpGroup('Device:'),
  omDir: () =>
    new Option('--om-dir <folder>', 'OM files that were converted elsewhere')
      .argParser(folderName)
      .helpGroup('Device:'),
  soc: () =>
    new Option('--soc <name>', 'the chip to convert for, as Ascend910B4 (default: the one in this machine)')
      .argParser(socName)
      .helpGroup('Device:'),
  threads: () =>
    new Option('-t, --threads <n>', 'CPU threads to compute with')
      .argParser(positiveInteger)
      .default(defaultThreads)
      .helpGroup('Device:'),
  language: () =>
    new Option('-l, --language <code>', 'the language spoken, as code or name (en, german); auto detects it')
      .argParser(language)
      .default('auto')
      .helpGroup('Speech:'),
  task: () =>
    new Option('--task <task>', 'write what was said, or translate it into English')
      .choices(['transcribe', 'translate'])
      .default('transcribe')
      .helpGroup('Speech:'),
  channel: () =>
    new Option('--channel <which>', 'the channel of a stereo recording to listen to')
      .choices(['mix', 'left', 'right'])
      .default('mix')
      .helpGroup('Audio:'),
  start: () =>
    new Option('--start <time>', 'where to begin: seconds, m:s or h:m:s, as in 1:23.5')
      .argParser(time)
      .helpGroup('Audio:'),
  end: () => new Option('--end <time>', 'where to end').argParser(time).helpGroup('Audio:'),
  inputFormat: () =>
    new Option('--input-format <name>', 'that the input is raw samples, written like this')
      .choices(Object.keys(rawEncodings))
      .helpGroup('Audio:'),
  rate: () => new Option('--rate <hertz>', 'their sample rate (default: 16000)').argParser(rawRate).helpGroup('Audio:'),
  channels: () =>
    new Option('--channels <n>', 'how many channels take turns (default: 1)')
      .argParser(rawChannels)
      .helpGroup('Audio:'),
  format: () =>
    new Option('-f, --format <names>', `${formatNames.join(', ')}, several of them with commas, or all (default: txt)`)
      .argParser(formatList)
      .helpGroup('Output:'),
  outputDir: () =>
    new Option(
      '-o, --output-dir <folder>',
      'write files there instead of to stdout; what is finished is skipped',
    ).helpGroup('Output:'),
  overwrite: () => new Option('--overwrite', 'do again what is finished').helpGroup('Output:'),
  timestamps: () =>
    new Option(
      '--timestamps',
      'show each segment with its times as it comes: [00:00.000 --> 00:04.860] text',
    ).helpGroup('Output:'),
  colors: () =>
    new Option('--colors', 'colour words by confidence, red to green (default: words on a terminal)').helpGroup(
      'Output:',
    ),
  noColors: () => new Option('--no-colors', 'never colour words').helpGroup('Output:'),
  languagePerWindow: () =>
    new Option('--language-per-window', 'detect the language anew every 30 s, for mixed recordings').helpGroup(
      'Speech:',
    ),
  detectLanguage: () =>
    new Option('--detect-language', 'only say which language is spoken, and how likely each is').helpGroup('Speech:'),
  initialPrompt: () =>
    new Option('--initial-prompt <text>', 'names, spelling or style to begin with, as if it had been said before')
      .default(defaults.initialPrompt, 'none')
      .helpGroup('Speech:'),
  carryInitialPrompt: () =>
    new Option('--carry-initial-prompt', 'repeat the initial prompt in every window').helpGroup('Speech:'),
  prefix: () =>
    new Option('--prefix <text>', 'what every window’s text has to begin with')
      .default(defaults.prefix, 'none')
      .helpGroup('Speech:'),
  beamSize: () =>
    new Option('--beam-size <n>', 'hypotheses to search with; 1 is greedy')
      .argParser(positiveInteger)
      .default(defaults.beamSize)
      .helpGroup('Decoding:'),
  patience: () =>
    new Option('--patience <x>', 'with beams: how long to look on after the first text has ended')
      .argParser(numberBetween(0.1, 10))
      .default(defaults.patience)
      .helpGroup('Decoding:'),
  lengthPenalty: () =>
    new Option('--length-penalty <x>', 'favour longer texts (default: rank by mean log-probability)')
      .argParser(numberBetween(0, 1))
      .helpGroup('Decoding:'),
  bestOf: () =>
    new Option('--best-of <n>', 'texts to draw at temperatures above 0')
      .argParser(positiveInteger)
      .default(defaults.bestOf)
      .helpGroup('Decoding:'),
  temperature: () =>
    new Option('--temperature <x>', 'what to sample at first; 0 takes the likeliest')
      .argParser(numberBetween(0, 1))
      .default(0)
      .helpGroup('Decoding:'),
  temperatureIncrement: () =>
    new Option('--temperature-increment <x>', 'how much warmer to try again when a text is bad; 0 never tries again')
      .argParser(numberBetween(0, 1))
      .default(0.2)
      .helpGroup('Decoding:'),
  compressionRatioThreshold: () =>
    new Option('--compression-ratio-threshold <x>', 'a text that repeats itself more than this is bad')
      .argParser(numberBetween(0, 1000))
      .default(defaults.compressionRatioThreshold)
      .helpGroup('Decoding:'),
  logprobThreshold: () =>
    new Option('--logprob-threshold <x>', 'a text with a lower mean log-probability is bad')
      .argParser(numberBetween(-1000, 0))
      .default(defaults.logprobThreshold)
      .helpGroup('Decoding:'),
  noSpeechThreshold: () =>
    new Option('--no-speech-threshold <x>', 'above this, with a bad text, nobody speaks')
      .argParser(numberBetween(0, 1))
      .default(defaults.noSpeechThreshold)
      .helpGroup('Decoding:'),
  noConditionOnPreviousText: () =>
    new Option(
      '--no-condition-on-previous-text',
      'do not tell a window what was said before it: less consistent, fewer loops',
    ).helpGroup('Decoding:'),
  suppressTokens: () =>
    new Option('--suppress-tokens <list>', 'more tokens that are never chosen, as 13,30')
      .argParser(tokenList)
      .default(defaults.suppressTokens, 'none')
      .helpGroup('Decoding:'),
  hallucinationSilenceThreshold: () =>
    new Option(
      '--hallucination-silence-threshold <s>',
      'with word times: skip longer silence around what seems invented',
    )
      .argParser(numberBetween(0, 3600))
      .helpGroup('Decoding:'),
  seed: () =>
    new Option('--seed <n>', 'of what is drawn').argParser(wholeNumber).default(defaults.seed).helpGroup('Decoding:'),
  vad: () =>
    new Option('--vad', 'listen to speech only: skip silence and noise (default with --batch-size)').helpGroup(
      'Speech:',
    ),
  vadThreshold: () =>
    new Option('--vad-threshold <x>', 'from which probability on somebody speaks (default: 0.5)')
      .argParser(numberBetween(0, 1))
      .helpGroup('Speech:'),
  vadMinSpeech: () =>
    new Option('--vad-min-speech <ms>', 'shorter speech is noise (default: 0)')
      .argParser(wholeNumber)
      .helpGroup('Speech:'),
  vadMinSilence: () =>
    new Option('--vad-min-silence <ms>', 'shorter silence is listened to (default: 2000, with --batch-size 160)')
      .argParser(wholeNumber)
      .helpGroup('Speech:'),
  vadSpeechPad: () =>
    new Option('--vad-speech-pad <ms>', 'what is listened to on both sides of speech (default: 400)')
      .argParser(wholeNumber)
      .helpGroup('Speech:'),
  batchSize: () =>
    new Option('--batch-size <n>', 'stretches of speech of up to 30 s to decode together')
      .argParser(positiveInteger)
      .default(defaults.batchSize)
      .helpGroup('Decoding:'),
  clipTimestamps: () =>
    new Option('--clip-timestamps <list>', 'the parts to transcribe: start,end,start,end …')
      .argParser(clipList)
      .helpGroup('Audio:'),
  runs: () =>
    new Option('--runs <n>', 'how often to measure').argParser(positiveInteger).default(20).helpGroup('Measurement:'),
  warmup: () =>
    new Option('--warmup <n>', 'runs before those that count')
      .argParser(wholeNumber)
      .default(3)
      .helpGroup('Measurement:'),
  audio: () =>
    new Option('--audio <file>', 'the recording to measure with (default: a sample of this program)').helpGroup(
      'Measurement:',
    ),
  seconds: () =>
    new Option('--seconds <s>', 'cut the audio or repeat it to this length (default: 4 for the sample)')
      .argParser(numberBetween(0.1, 3600))
      .helpGroup('Measurement:'),
  tokens: () =>
    new Option('--tokens <n>', 'decode this many tokens whatever the model says, to compare models')
      .argParser(positiveInteger)
      .helpGroup('Measurement:'),
  compare: () => new Option('--compare <file>', 'hold the result against this earlier one').helpGroup('Measurement:'),
  tolerance: () =>
    new Option('--tolerance <percent>', 'a difference that counts as none')
      .argParser(numberBetween(0, 1000))
      .default(5)
      .helpGroup('Measurement:'),
  manifest: () =>
    new Option('--manifest <file>', 'lines of audio<TAB>transcript, paths counted from its folder').helpGroup(
      'Comparison:',
    ),
  ref: () =>
    new Option('--ref <reference>', 'what to compare with: cpu, or a file of --save-reference')
      .default('cpu')
      .helpGroup('Comparison:'),
  refModel: () =>
    new Option('--ref-model <name>', 'compare with this model on the CPU (default: the same model)').helpGroup(
      'Comparison:',
    ),
  refThreads: () =>
    new Option('--ref-threads <n>', "the reference's CPU threads (default: as --threads)")
      .argParser(positiveInteger)
      .helpGroup('Comparison:'),
  threshold: () =>
    new Option('--threshold <percent>', 'pass if no probability differs by as much as this')
      .argParser(numberBetween(1e-6, 100))
      .default(1)
      .helpGroup('Comparison:'),
  layers: () =>
    new Option('--layers', 'compare block by block too, to find where a difference comes from').helpGroup(
      'Comparison:',
    ),
  saveReference: () =>
    new Option('--save-reference <file>', 'keep what the reference gives, for --ref on another machine').helpGroup(
      'Output:',
    ),
  report: () =>
    new Option('--report <folder>', 'write a page to look at and the figures as JSON there').helpGroup('Output:'),
  json: () => new Option('--json', 'print results as JSON, one object per line').helpGroup('Output:'),
  wordTimestamps: () =>
    new Option('--word-timestamps', 'find the time of each word, for json, subtitles and colours').helpGroup('Output:'),
  maxLineWidth: () =>
    new Option('--max-line-width <n>', 'characters in a line of srt and vtt')
      .argParser(positiveInteger)
      .helpGroup('Subtitles (by word times):'),
  maxLineCount: () =>
    new Option('--max-line-count <n>', 'lines in a cue, with --max-line-width')
      .argParser(positiveInteger)
      .helpGroup('Subtitles (by word times):'),
  maxWordsPerLine: () =>
    new Option('--max-words-per-line <n>', 'words in a cue')
      .argParser(positiveInteger)
      .helpGroup('Subtitles (by word times):'),
  highlightWords: () =>
    new Option('--highlight-words', 'underline each word while it is spoken').helpGroup('Subtitles (by word times):'),
  filesFrom: () =>
    new Option(
      '--files-from <list>',
      'a file of paths to transcribe, one a line or NUL between them; - for stdin',
    ).helpGroup('Input:'),
  quiet: () => new Option('-q, --quiet', 'print results, warnings and errors only').helpGroup('Output:'),
} as const;
