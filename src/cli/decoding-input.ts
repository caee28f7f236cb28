import type { Command } from 'commander';
import type { Clip, TranscribeOptions } from '../transcribe/options.ts';
import type { SpeechOptions } from '../vad/speech-detector.ts';
import type { SpeechModel } from '../vad/speech-model.ts';
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
  readonly vad?: boolean;
  readonly vadThreshold?: number;
  readonly vadMinSpeech?: number;
  readonly vadMinSilence?: number;
  readonly vadSpeechPad?: number;
  readonly batchSize: number;
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
    option.vad,
    option.vadThreshold,
    option.vadMinSpeech,
    option.vadMinSilence,
    option.vadSpeechPad,
    option.batchSize,
  ])
    command.addOption(add());
  return command;
}

/** Whether speech has to be told from silence first. */
export function needsSpeechModel({ vad, batchSize }: DecodingInputOptions): boolean {
  return vad === true || batchSize > 1;
}

/**
 * What the command line asks of a transcription, in the library's words.
 *
 * @param speechModel where one is needed
 */
export function decodingOptions(options: DecodingInputOptions, speechModel?: SpeechModel): TranscribeOptions {
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
    batchSize: options.batchSize,
    ...(speechModel === undefined ? {} : { speech: { model: speechModel, options: speechOptions(options) } }),
    ...(lengthPenalty === undefined ? {} : { lengthPenalty }),
    ...(clips === undefined ? {} : { clips }),
    ...(silence === undefined ? {} : { hallucinationSilenceSeconds: silence }),
  };
}

function speechOptions(options: DecodingInputOptions): SpeechOptions {
  const { vadThreshold, vadMinSpeech, vadMinSilence, vadSpeechPad } = options;
  return {
    ...(vadThreshold === undefined ? {} : { threshold: vadThreshold }),
    ...(vadMinSpeech === undefined ? {} : { minSpeechMs: vadMinSpeech }),
    ...(vadMinSilence === undefined ? {} : { minSilenceMs: vadMinSilence }),
    ...(vadSpeechPad === undefined ? {} : { speechPadMs: vadSpeechPad }),
  };
}

/** Temperatures from the first up to 1. */
function ladder(first: number, increment: number): number[] {
  if (increment === 0) return [first];
  const count = Math.floor((1 - first) / increment + 1e-6) + 1;
  return Array.from({ length: Math.max(1, count) }, (_, i) => Number((first + i * increment).toFixed(6)));
}
