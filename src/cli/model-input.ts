import type { modelOptions as modelTable } from '../options/model.ts';
import type { ValuesOf } from '../options/option.ts';
import type { OpenModelOptions } from '../setup/open-model.ts';
import { convertProgress } from './convert-progress.ts';
import { modelContext, type Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** The options that say which model runs where, the same for every command that runs one. */
export type ModelInputOptions = ValuesOf<typeof modelTable, 'transcribe' | 'bench' | 'accuracy'>;

/** What the command line asks of openModel(), which tells the terminal what it is about. */
export function modelOptions(options: ModelInputOptions, session: Session, terminal: Terminal): OpenModelOptions {
  return { ...modelInput(options, session, terminal), device: options.device };
}

/** The same wherever it runs. */
export function modelInput(
  options: Omit<ModelInputOptions, 'device'>,
  session: Session,
  terminal: Terminal,
): Omit<OpenModelOptions, 'device'> {
  const { model, omDirectory, dtype, threads, cpuLevel } = options;
  return {
    ...(model === undefined ? {} : { model }),
    ...(omDirectory === undefined ? {} : { omDirectory }),
    ...(dtype === undefined ? {} : { dtype }),
    ...(cpuLevel === undefined ? {} : { cpuLevel }),
    context: modelContext(session, options, terminal),
    threads,
    onPrepare: (sizeBytes) => terminal.note(`preparing the model once (${(sizeBytes / 1e6).toFixed(0)} MB of weights)`),
    onConvert: convertProgress(terminal),
    onWarning: terminal.warn,
  };
}
