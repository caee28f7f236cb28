import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { compareRecording, type FileComparison, summariseFile } from '../../accuracy/compare-recording.ts';
import { percentText } from '../../accuracy/figure-texts.ts';
import { type AccuracyInput, accuracyInputs } from '../../accuracy/inputs.ts';
import { fileJson, overallJson, resultJson } from '../../accuracy/json.ts';
import { accuracyPage } from '../../accuracy/page.ts';
import type { Reference } from '../../accuracy/reference.ts';
import { type AccuracyResult, type LayerResult, overallOf } from '../../accuracy/result.ts';
import { createReferenceFile, openStoredReference, type ReferenceWriter } from '../../accuracy/stored-reference.ts';
import type { WindowComparison } from '../../accuracy/window.ts';
import { hashFile } from '../../audio/hash-file.ts';
import { describeEnvironment } from '../../bench/environment.ts';
import { AudioError, closeAfter, UsageError } from '../../errors.ts';
import { makeFolder } from '../../model/make-folder.ts';
import { knownLanguage } from '../../options/kinds/language.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { openInput } from '../audio-input.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { exitCode } from '../exit-codes.ts';
import { errorJson, printError } from '../report-error.ts';
import { writing } from '../report-folder.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { compareBlocks, type LayerInput, openSides, type Sides } from './sides.ts';
import { accuracyText } from './text.ts';

type Options = CommandOptions<'accuracy'>;

export function addAccuracy(program: Command, session: Session): void {
  addOptions(program.command('accuracy'), 'accuracy')
    .summary('compare what a device computes with a reference')
    .description(
      'Compares a model on a device with a reference, free and fed with the same tokens: texts, probabilities, encoder output, and word errors where FILE.txt beside the audio or a manifest says what was really said. Ends with 1 if it does not pass.',
    )
    .addArgument(new Argument('[audio...]', 'recordings (default: a sample of this program)'))
    .addHelpText(
      'after',
      `
Examples:
  $ whisper-npu accuracy --dtype int8 --threshold 100 --manifest clips.tsv --report results
  $ whisper-npu accuracy --device npu --layers   # needs an NPU
  $ whisper-npu accuracy --model whisper-base --save-reference base.json   # here, then on the machine with the NPU:
  $ whisper-npu accuracy --device npu --ref base.json   # needs an NPU`,
    )
    .action((files: string[], _: unknown, own: Command) => run(files, own, session));
}

/** What has been compared until now. */
interface Progress {
  sides: Sides | undefined;
  readonly files: FileComparison[];
  layerInput: LayerInput | undefined;
  layers: LayerResult | undefined;
  failed: number;
}

async function run(names: readonly string[], command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'accuracy', session);
  const inputs = await accuracyInputs(names, options.manifest);
  const stored = options.ref === 'cpu' ? undefined : await openStoredReference(options.ref);
  if (options.report !== undefined) await writing(options.report, makeFolder);
  const progress: Progress = { sides: undefined, files: [], layerInput: undefined, layers: undefined, failed: 0 };
  const conclude = async (isComplete: boolean) => {
    terminal.endProgress();
    if (progress.sides === undefined || progress.files.length === 0) return;
    const { soc } = progress.sides;
    const environment = await describeEnvironment(session.env, soc);
    const isWhole = isComplete && progress.failed === 0;
    const result = resultOf(progress, progress.sides, {
      isComplete: isWhole,
      environment,
      threshold: options.thresholdPercent,
    });
    await show(result, { options, session, terminal });
  };
  try {
    await compareInputs(inputs, stored, progress, { options, session, terminal });
    if (options.layers && progress.layerInput !== undefined && progress.sides !== undefined) {
      const { referenceSide, testedSide } = progress.sides;
      const models = {
        reference: options.refModel ?? options.model ?? referenceSide.model,
        tested: options.model ?? testedSide.model,
      };
      progress.layers = await compareBlocks(progress.layerInput, models, options, session, terminal);
    }
  } catch (error) {
    return closeAfter(error, () => conclude(false)); // whatever stopped it, what was compared is worth seeing
  }
  await conclude(true);
  if (progress.failed > 0) {
    terminal.warn(`${progress.failed} of ${inputs.length} files failed`);
    process.exitCode = exitCode.failed;
  }
}

interface Surroundings {
  readonly options: Options;
  readonly session: Session;
  readonly terminal: Terminal;
}

async function compareInputs(
  inputs: readonly AccuracyInput[],
  stored: Reference | undefined,
  progress: Progress,
  surroundings: Surroundings,
): Promise<void> {
  const { options, session, terminal } = surroundings;
  let writer: ReferenceWriter | undefined;
  try {
    for (const input of inputs) {
      try {
        await using audio = await openInput(input.path, { channel: 'mix' }, session, terminal.warn);
        progress.sides ??= await openSides(options, stored, session, terminal);
        if (options.saveReference !== undefined)
          writer ??= await createReferenceFile(options.saveReference, progress.sides.reference);
        await compareFile(input, audio.samples(), { sides: progress.sides, writer, progress }, surroundings);
      } catch (error) {
        session.signal.throwIfAborted();
        // One bad recording must not stop the others; a model that does not load stops them all.
        if (inputs.length === 1 || !(error instanceof AudioError)) throw error;
        progress.failed++;
        printError(error, session.stderr);
        if (options.json) await session.print(`${errorJson(error, input.name)}\n`);
      }
    }
    await writer?.finish();
  } finally {
    await writer?.[Symbol.asyncDispose]();
    await progress.sides?.[Symbol.asyncDispose]();
  }
}

async function compareFile(
  { name, path, transcript }: AccuracyInput,
  samples: AsyncIterable<Float32Array>,
  at: { readonly sides: Sides; readonly writer: ReferenceWriter | undefined; readonly progress: Progress },
  { options, session, terminal }: Surroundings,
): Promise<void> {
  const { sides, writer, progress } = at;
  const language = knownLanguage(options.language);
  const windows: (WindowComparison & { audioSeconds: number })[] = [];
  const add = async (isComplete: boolean) => {
    if (windows.length === 0) return;
    const file = summariseFile(name, windows, { isComplete, transcript });
    progress.files.push(file);
    const { positions, maxProbabilityDifferencePercent } = file.figures;
    terminal.note(`${name}: ${positions} tokens, differing by ${percentText(maxProbabilityDifferencePercent)} at most`);
    if (options.json) await session.print(`${fileJson(file)}\n`);
  };
  const { sha256 } = await hashFile(path, session.signal);
  const recording = { name, sha256, samples };
  let first: Float32Array | undefined;
  try {
    const comparisons = compareRecording(sides.tested, sides.reference, recording, {
      ...(language === undefined ? {} : { language }),
      signal: session.signal,
      async onReference(clip, window) {
        if (language !== undefined && window.language !== language) throw otherLanguage(window.language, language);
        first ??= clip.samples;
        await writer?.add(clip, window);
      },
    });
    for await (const comparison of comparisons) {
      windows.push(comparison);
      if (first !== undefined) progress.layerInput ??= { file: name, samples: first, window: comparison };
    }
  } catch (error) {
    await add(false);
    throw error;
  }
  if (windows.length === 0) throw new AudioError('AUDIO_EMPTY', `${name} has no samples to compare on`);
  await add(true);
}

function otherLanguage(known: string, asked: string): UsageError {
  return new UsageError('REFERENCE_UNFIT', `the reference is in the language ${known}, not ${asked}`, {
    hint: 'Leave --language out, or make a reference in that language.',
  });
}

function resultOf(
  { files, layers }: Progress,
  { testedSide, referenceSide, isStandIn }: Sides,
  {
    isComplete,
    environment,
    threshold,
  }: Pick<AccuracyResult, 'environment'> & {
    readonly isComplete: boolean;
    readonly threshold: number;
  },
): AccuracyResult {
  return {
    kind: 'whisper-npu accuracy',
    version: 1,
    measuredAt: new Date().toISOString(),
    reference: referenceSide,
    tested: testedSide,
    standIn: isStandIn,
    complete: isComplete,
    thresholdPercent: threshold,
    files,
    overall: overallOf(files, threshold),
    ...(layers === undefined ? {} : { layers }),
    environment,
  };
}

async function show(result: AccuracyResult, { options, session, terminal }: Surroundings): Promise<void> {
  const { json, report } = options;
  // What was measured is told before anything can go wrong with its page.
  await session.print(json ? `${overallJson(result)}\n` : accuracyText(result));
  if (result.overall?.pass !== true) process.exitCode = exitCode.failed;
  if (report === undefined) return;
  await writing(report, async (folder) => {
    await writeFile(join(folder, 'accuracy.html'), accuracyPage(result));
    await writeFile(join(folder, 'accuracy.json'), `${resultJson(result)}\n`);
  });
  terminal.note(`report in ${join(report, 'accuracy.html')}`);
}
