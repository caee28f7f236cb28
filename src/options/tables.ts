import { accuracyOptions } from './accuracy.ts';
import { audioCallOptions, audioOptions } from './audio.ts';
import { benchOptions } from './bench.ts';
import { conversionOptions } from './conversion.ts';
import { decodingOptions } from './decoding.ts';
import { detectorOptions } from './detector.ts';
import { modelOptions } from './model.ts';
import { modelCallOptions } from './model-calls.ts';
import type { AllValues, CommandName } from './option.ts';
import { outputOptions } from './output.ts';
import { devicesOptions, poolOptions, turnOptions } from './pool.ts';
import { queueOptions } from './queue.ts';
import { remoteOptions } from './remote.ts';
import { serveOptions } from './serve.ts';
import { speechOptions } from './speech.ts';
import { wordOptions } from './subtitles.ts';
import { transcribeCallOptions } from './transcribe-calls.ts';

/** All options there are, in the order in which help and documents list them. */
export const optionTables = [
  audioOptions,
  audioCallOptions,
  modelOptions,
  modelCallOptions,
  devicesOptions,
  poolOptions,
  turnOptions,
  conversionOptions,
  benchOptions,
  accuracyOptions,
  serveOptions,
  queueOptions,
  remoteOptions,
  speechOptions,
  detectorOptions,
  outputOptions,
  wordOptions,
  decodingOptions,
  transcribeCallOptions,
] as const;

/** The values that a form with a recording gives. */
export type FormOptions = AllValues<typeof optionTables, 'audio form'>;

/** The values that a command gets. */
export type CommandOptions<C extends CommandName> = AllValues<typeof optionTables, C>;
