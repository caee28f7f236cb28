import type { Command } from 'commander';
import type { Clip, TranscribeOptions } from '../transcribe/options.ts';
import { option } from './options.ts';

/** The options that say how a recording is decoded. */
export interface DecodingInputOptions {
  readonly languagePerWindow?: boolean;
  readonly beamSize: number;
  readonly bestOf: number;
  readonly patience: number;
  readonly lengthPenalty?: number;
  readonly temperature: number;
  readonly temperatureIncrement: number;
  readonly compressionRatioThreshold: number;
  readonly logprobThreshold: number;
  readonly noSpeechThreshold: number;
  readonly conditionOnPreviousText: boolean;
  readonly initialPrompt: string;
  readonly carryInitialPrompt?: boolean;
  readonly prefix: string;
  readonly suppressTokens: readonly number[];
  readonly clipTimestamps?: readonly Clip[];
  readonly hallucinationSilenceThreshold?: number;
  readonly seed: number;
}

export function addDecodingOptions(command: Command): Command {
  for (const add of [
    option.languagePerWindow,
    option.beamSize,
    option.patience,
    option.lengthPenalty,
    option.bestOf,
    option.temperature,
    option.temperatureIncrement,
    option.compressionRatioThreshold,
    option.logprobThreshold,
    option.noSpeechThreshold,
    option.noConditionOnPreviousText,
    option.initialPrompt,
    option.carryInitialPrompt,
    option.prefix,
    option.suppressTokens,
    option.clipTimestamps,
    option.hallucinationSilenceThreshold,
    option.seed,
  ])
    command.addOption(add());
  return command;
}

/** What the command line asks of a transcription, in the library's words. */
export function decodingOptions(options: DecodingInputOptions): TranscribeOptions {
  const { lengthPenalty, clipTimestamps: clips, hallucinationSilenceThreshold: silence } = options;
  return {
    languagePerWindow: options.languagePerWindow === true,
    beamSize: options.beamSize,
    bestOf: options.bestOf,
    patience: options.patience,
    temperatures: ladder(options.temperature, options.temperatureIncrement),
    compressionRatioThreshold: options.compressionRatioThreshold,
    logprobThreshold: options.logprobThreshold,
    noSpeechThreshold: options.noSpeechThreshold,
    conditionOnPreviousText: options.conditionOnPreviousText,
    initialPrompt: options.initialPrompt,
    carryInitialPrompt: options.carryInitialPrompt === true,
    prefix: options.prefix,
    suppressTokens: options.suppressTokens,
    seed: options.seed,
    ...(lengthPenalty === undefined ? {} : { lengthPenalty }),
    ...(clips === undefined ? {} : { clips }),
    ...(silence === undefined ? {} : { hallucinationSilenceSeconds: silence }),
  };
}

/** Temperatures from the first up to 1. */
function ladder(first: number, increment: number): number[] {
  if (increment === 0) return [first];
  const count = Math.floor((1 - first) / increment + 1e-6) + 1;
  return Array.from({ length: Math.max(1, count) }, (_, i) => Number((first + i * increment).toFixed(6)));
}
