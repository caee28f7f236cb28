import type { Command } from 'commander';
import type { DeviceChoice } from '../backend/device-choice.ts';
import type { Dtype } from '../dtype.ts';
import type { OpenModelOptions } from '../open-model.ts';
import { convertProgress } from './convert-progress.ts';
import { option } from './options.ts';
import { type ModelSourceOptions, modelContext, type Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** The options that say which model runs where. */
export interface ModelInputOptions extends ModelSourceOptions {
  readonly model?: string;
  readonly device: DeviceChoice;
  readonly dtype?: Dtype;
  readonly omDir?: string;
  readonly threads: number;
}

export function addModelInputOptions(command: Command): Command {
  return command
    .addOption(option.model())
    .addOption(option.source())
    .addOption(option.offline())
    .addOption(option.device())
    .addOption(option.threads())
    .addOption(option.dtype())
    .addOption(option.omDir());
}

/** What the command line asks of openModel(), which tells the terminal what it is about. */
export function modelOptions(options: ModelInputOptions, session: Session, terminal: Terminal): OpenModelOptions {
  const { model, omDir, dtype } = options;
  return {
    ...(model === undefined ? {} : { model }),
    ...(omDir === undefined ? {} : { omDirectory: omDir }),
    ...(dtype === undefined ? {} : { dtype }),
    device: options.device,
    context: modelContext(session, options, terminal),
    threads: options.threads,
    onPrepare: (sizeBytes) => terminal.note(`preparing the model once (${(sizeBytes / 1e6).toFixed(0)} MB of weights)`),
    onConvert: convertProgress(terminal),
    onWarning: terminal.warn,
  };
}
