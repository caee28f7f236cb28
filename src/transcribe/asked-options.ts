import { passedOn } from '../options/names.ts';
import { type CommandOptions, type FormOptions, optionTables } from '../options/tables.ts';
import type { ChunkOptions } from '../vad/speech-chunks.ts';
import type { SpeechModel } from '../vad/speech-model.ts';
import type { TranscribeOptions } from './options.ts';

/** What people ask of a transcription, on a command line or in a form. */
type Asked = CommandOptions<'transcribe'> | FormOptions;

/** Whether speech has to be told from silence first. */
export function needsSpeechModel(options: Asked): boolean {
  return skipsSilence(options) || options.alignToSpeech === true;
}

/** Whether it has to be found when words were said: to be told, or to lay out subtitles by it. */
export function needsWordTimes(asked: Asked): boolean {
  const { wordTimestamps, maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords } = asked;
  const layout = [maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords];
  return wordTimestamps || layout.some((value) => value !== undefined);
}

/** Whether only speech is listened to. */
export function skipsSilence({ vad, batchSize }: Asked): boolean {
  return vad === true || batchSize > 1;
}

/**
 * The same in the library's words.
 *
 * @param speechModel where one is needed
 */
export function askedOptions(
  options: Asked,
  door: 'transcribe' | 'audio form',
  speechModel?: SpeechModel,
): TranscribeOptions {
  const given = passedOn(options, optionTables, door, 'transcribe()') as TranscribeOptions;
  const temperatures = ladder(options.temperature, options.temperatureIncrement);
  if (speechModel === undefined) return { ...given, temperatures };
  const aligned = { ...given, temperatures, ...(options.alignToSpeech === true ? { alignTo: speechModel } : {}) };
  if (!skipsSilence(options)) return aligned;
  const speech: ChunkOptions = passedOn(options, optionTables, door, 'speech.options');
  return { ...aligned, speech: { model: speechModel, options: speech } };
}

/** Nobody waits for more tries. */
const mostTries = 1000;

/** Temperatures from the first up to 1. */
function ladder(first: number, increment: number): number[] {
  if (increment === 0) return [first];
  const count = Math.floor((1 - first) / increment + 1e-6) + 1;
  return Array.from({ length: Math.max(1, Math.min(count, mostTries)) }, (_, i) =>
    Number((first + i * increment).toFixed(6)),
  );
}
