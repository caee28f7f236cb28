import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { openNpu } from '../../backend/npu/acl-environment.ts';
import { shellCommand } from '../../child-program.ts';
import { atcArguments, findAtc, workFolderVariable } from '../../convert/atc.ts';
import type { NpuVariants } from '../../convert/npu-graphs.ts';
import { weightList } from '../../convert/om-directory.ts';
import {
  convertForNpu,
  findConverted,
  type NpuTarget,
  type WriteGraphsOptions,
  writeGraphs,
} from '../../convert/prepare-npu.ts';
import { ConversionError, NpuError, UsageError } from '../../errors.ts';
import { type Checkpoint, openCheckpoint } from '../../model/checkpoint.ts';
import { npuElementTypes } from '../../model/dtype.ts';
import { resolveModel } from '../../model/resolve-model.ts';
import { storeDirectory } from '../../model/store.ts';
import { conversionLog } from '../../setup/open-model.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { convertProgress } from '../convert-progress.ts';
import { modelContext, type Session } from '../session.ts';

export function addConvert(program: Command, session: Session): void {
  addOptions(program.command('convert'), 'convert')
    .summary('convert a model for an NPU')
    .description(
      'Converts a model into OM files with atc, and prints the folder they are in. Beams, batches and word times have OM files of their own: `transcribe` converts what is missing, a folder for --om-dir has to hold them.',
    )
    .addArgument(new Argument('<model>', 'a name, a hub id or a folder'))
    .action((model: string, _: unknown, own: Command) => run(model, own, session));
}

async function run(spec: string, command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'convert', session);
  const target: NpuTarget = {
    soc: options.soc ?? (await ownSoc(session)),
    dtype: npuElementTypes[options.dtype],
    ...(options.hostCpu === undefined ? {} : { hostCpu: options.hostCpu }),
  };
  const { beamSize: beams, batchSize: windows, wordTimestamps: wordTimes } = options;
  const variants: NpuVariants = { beams, windows, wordTimes };
  // Without atc there is nothing to fetch a model for.
  const atc = options.graphsOnly === undefined ? await findAtc(session.env) : undefined;
  const { directory, name } = await resolveModel(spec, modelContext(session, options, terminal));
  const checkpoint = await openCheckpoint(directory);
  if (atc === undefined) {
    const folder = resolve(options.graphsOnly ?? '.');
    await writeGraphsOnly(checkpoint, target, folder, { variants, signal: session.signal }).catch(
      (cause: NodeJS.ErrnoException) => {
        if (cause.code === undefined) throw cause;
        throw new ConversionError('GRAPHS_NOT_WRITTEN', `cannot write the graphs to ${folder}: ${cause.message}`, {
          cause,
        });
      },
    );
    terminal.note(`graphs and convert.sh are in ${folder}; run it where atc is, then use --om-dir`);
    return session.print(`${options.json ? JSON.stringify({ directory: folder, ...target }) : folder}\n`);
  }
  const store = storeDirectory(session.env);
  const place = { store, model: name };
  const found = await findConverted(checkpoint, place, target, variants);
  const logPath = conversionLog(store, name);
  const onEvent = convertProgress(terminal);
  const om =
    found ??
    (await convertForNpu(checkpoint, target, {
      atc,
      place,
      logPath,
      variants,
      onEvent,
      onDamage: terminal.warn,
      signal: session.signal,
    }));
  await session.print(`${options.json ? JSON.stringify({ directory: om, ...target }) : om}\n`);
}

async function ownSoc(session: Session): Promise<string> {
  try {
    const { device } = await openNpu(session.env, 0);
    await device.close();
    return device.socName;
  } catch (cause) {
    if (!(cause instanceof NpuError)) throw cause;
    throw new UsageError('SOC_NEEDED', `there is no NPU in this machine to convert for: ${cause.message}`, {
      hint: 'Say which chip the model is for, as in --soc Ascend910B4.',
      cause,
    });
  }
}

/** What convert.sh does before it runs atc: see AtcWorkspace and checkAtcFolder for the reasons. */
const scriptHead = [
  '#!/bin/sh',
  '# Run on a machine with CANN; what is written goes beside this file.',
  'set -e',
  'cd "$(dirname "$0")"',
  '# atc takes no other characters in paths, apart from Chinese ones, and writes weights to the current folder first.',
  `unusual=$(pwd -P | tr -d '\\nA-Za-z0-9./_\\200-\\377-')`,
  'if [ -n "$unusual" ]; then echo "move this folder: atc takes no paths with \'$unusual\', as in $(pwd -P)" >&2; exit 1; fi',
  `unset ${workFolderVariable}`,
];

/** The graphs, and the very commands that `convert` would run, with paths relative to the folder. */
async function writeGraphsOnly(
  checkpoint: Checkpoint,
  target: NpuTarget,
  folder: string,
  options: WriteGraphsOptions,
): Promise<void> {
  const jobs = await writeGraphs(checkpoint, target, folder, folder, options);
  const commands = jobs.map((job) => {
    const precision = job.precisionFile === undefined ? {} : { precisionFile: basename(job.precisionFile) };
    const args = atcArguments({ ...job, ...precision, model: `${job.name}.onnx`, output: job.name });
    return shellCommand('atc', ...args);
  });
  const script = [...scriptHead, ...commands, `if [ -d weight ]; then ls weight > ${weightList}; fi`, ''].join('\n');
  await writeFile(join(folder, 'convert.sh'), script, { mode: 0o755 });
}
