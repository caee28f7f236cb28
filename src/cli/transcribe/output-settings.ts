import { UsageError } from '../../errors.ts';
import type { CommandOptions } from '../../options/tables.ts';
import type { CueLayout } from '../../output/cues.ts';
import type { FormatName } from '../../output/formats.ts';
import { needsWordTimes } from '../../transcribe/asked-options.ts';

/** What becomes of a transcript. */
export interface OutputSettings {
  readonly formats: readonly FormatName[];
  /** Where the files go; undefined where results go to stdout. */
  readonly directory: string | undefined;
  /** What is on stdout: segments as they come, a JSON object per recording, a format's whole content, or nothing. */
  readonly stdout: 'segments' | 'json' | 'document' | 'nothing';
  readonly layout: CueLayout;
  /** Whether segments are shown with their times. */
  readonly showsTimes: boolean;
  /** Undefined where the terminal decides. */
  readonly colors: boolean | undefined;
  /** Whether times of segments, and of words, have to be found at all. */
  readonly needsTimestamps: boolean;
  readonly needsWords: boolean;
}

/** @throws UsageError where options contradict each other */
export function outputSettings(options: CommandOptions<'transcribe'>): OutputSettings {
  const { format, outputDir: directory, json = false, timestamps = false } = options;
  const formats = format ?? ['txt'];
  if (directory === undefined && json && format !== undefined)
    throw directoryNeeded(`--json is on stdout, so ${formats.join(', ')} cannot be there`);
  if (directory === undefined && formats.length > 1)
    throw directoryNeeded(`${formats.join(', ')} cannot all go to stdout`);
  const { maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords } = options;
  const needsWords = needsWordTimes(options);
  return {
    formats,
    directory,
    stdout: stdoutOf(formats, directory, json),
    layout: { maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords },
    showsTimes: timestamps,
    colors: options.colors,
    needsTimestamps: needsWords || timestamps || json || formats.some((name) => name !== 'txt'),
    needsWords,
  };
}

function stdoutOf(formats: readonly FormatName[], directory: string | undefined, json: boolean) {
  if (json) return 'json';
  if (directory !== undefined) return 'nothing';
  return formats.includes('txt') ? 'segments' : 'document';
}

/**
 * @param nFiles how many recordings there are
 * @throws UsageError where several would run together on stdout
 */
export function checkStdout({ stdout, formats }: OutputSettings, nFiles: number): void {
  if (stdout !== 'document' || nFiles < 2 || formats.includes('json')) return;
  throw directoryNeeded(`${nFiles} recordings cannot go to stdout as one ${formats.join()}`);
}

/** Where results have to go to files, and nobody said where these lie. */
export function directoryNeeded(message: string): UsageError {
  return new UsageError('OUTPUT_DIR_NEEDED', message, { hint: 'say where to write files: --output-dir DIR' });
}
