import { InvalidArgumentError, Option } from 'commander';
import { maxSampleRate, minSampleRate, rawEncodings } from '../audio/formats/pcm.ts';
import { type DeviceChoice, parseDevice } from '../backend/device-choice.ts';
import type { NpuDtype } from '../graph/npu-layers.ts';
import { sourceNames } from '../model/fetch/context.ts';
import { parseLanguage } from '../model/languages.ts';
import { defaultThreads } from '../open-model.ts';
import { type FormatName, formatNames } from '../output/formats.ts';

/** Names of number types as users know them. */
export const npuDtypes: Readonly<Record<string, NpuDtype>> = { float16: 'f16', float32: 'f32' };

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
    new Option('--dtype <type>', 'what an NPU computes in; the CPU computes in float32')
      .choices(Object.keys(npuDtypes))
      .default('float16')
      .helpGroup('Device:'),
  omDir: () => new Option('--om-dir <folder>', 'OM files that were converted elsewhere').helpGroup('Device:'),
  soc: () =>
    new Option('--soc <name>', 'the chip to convert for, as Ascend910B4 (default: the one in this machine)').helpGroup(
      'Device:',
    ),
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

function positiveInteger(text: string): number {
  return integer(text, 1, 1024);
}

function rawRate(text: string): number {
  return integer(text, minSampleRate, maxSampleRate);
}

function rawChannels(text: string): number {
  return integer(text, 1, 256);
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
}

/** A place in a recording, in seconds: 83.5, 1:23.5 and 0:01:23.5 are the same. */
function time(text: string): number {
  if (!/^(\d+:){0,2}\d+(\.\d*)?$/.test(text)) throw new InvalidArgumentError('Expected seconds, m:s or h:m:s.');
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

function formatList(text: string, before: readonly FormatName[] = []): readonly FormatName[] {
  const names = new Set<string>([...before, ...text.split(',').map((name) => name.trim().toLowerCase())]);
  const unknown = [...names].find((name) => name !== 'all' && !(formatNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`Expected all, or some of ${formatNames.join(', ')}.`);
  return formatNames.filter((name) => names.has('all') || names.has(name));
}

function language(text: string): string {
  if (text === 'auto') return text;
  const code = parseLanguage(text);
  if (code === undefined) throw new InvalidArgumentError('Expected auto, or a language as code or English name.');
  return code;
}

function device(text: string): DeviceChoice {
  try {
    return parseDevice(text);
  } catch {
    throw new InvalidArgumentError('Expected auto, cpu, npu or npu:N.');
  }
}
