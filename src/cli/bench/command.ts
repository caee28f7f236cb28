import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import type { OpenedNpu } from '../../backend/npu/acl-environment.ts';
import { type BenchOptions, type BenchSubject, bench, type Measured, type NpuUnderTest } from '../../bench/bench.ts';
import { type Comparison, compareResults, ruleText } from '../../bench/compare.ts';
import { describeEnvironment } from '../../bench/environment.ts';
import { benchRequest } from '../../bench/measure.ts';
import { weightsSha256 } from '../../bench/model-hash.ts';
import { benchPage } from '../../bench/page.ts';
import { type KnownResult, readResult } from '../../bench/stored-result.ts';
import { benchAudio } from '../../bench/workload.ts';
import { UsageError } from '../../errors.ts';
import { openCheckpoint } from '../../model/checkpoint.ts';
import { makeFolder } from '../../model/make-folder.ts';
import { resolveModel } from '../../model/resolve-model.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { singleDevice } from '../../pool/devices.ts';
import { type OpenModelOptions, openModel } from '../../setup/open-model.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { exitCode } from '../exit-codes.ts';
import { modelInput } from '../model-input.ts';
import { writing } from '../report-folder.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { profileModel } from './profile-model.ts';
import { benchText, comparisonText, profileText } from './text.ts';
import { showThroughput } from './throughput.ts';

type Options = CommandOptions<'bench'>;

export function addBench(program: Command, session: Session): void {
  const command = addOptions(program.command('bench'), 'bench')
    .summary('measure how fast a model is, and what it needs')
    .description(
      'Measures every stage from samples to text on one device, or with --recordings how much audio several get through. Ctrl-C ends it with what was measured so far.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ whisper-npu bench --report results
  $ whisper-npu bench --device npu --compare pytorch-910b4-published   # needs an NPU
  $ whisper-npu bench --device npu:all --recordings 64   # needs an NPU
  $ whisper-npu bench --tokens 64 --audio interview.wav --json > before.json
  $ whisper-npu bench --tokens 64 --audio interview.wav --json > after.json
  $ whisper-npu bench compare before.json after.json`,
    )
    .action((_: unknown, own: Command) => run(own, session));
  addOptions(command.command('compare'), 'bench compare')
    .configureHelp({ showGlobalOptions: false }) // bench's own options mean nothing here
    .summary('say what has become slower or larger beyond noise')
    .description('Holds one result of bench against an earlier one. Ends with 1 if something has become worse.')
    .addArgument(new Argument('<before>', 'what bench --json or --report wrote'))
    .addArgument(new Argument('<after>', 'the same, later or elsewhere'))
    .addHelpText('after', `\n${ruleText('--tolerance')}`)
    .action((before: string, after: string, _: unknown, own: Command) => compareFiles(before, after, own, session));
}

async function run(command: Command, session: Session): Promise<void> {
  const { signal } = session;
  const { options, terminal } = readOptions(command, 'bench', session);
  if (options.language === 'auto') {
    throw new UsageError(
      'LANGUAGE_NEEDED',
      'every run has to begin with the same prompt, so the language must be said',
      {
        hint: 'Name it, as in --language en.',
      },
    );
  }
  const only = options.recordings === undefined ? singleDevice(options.device, options.threads) : undefined;
  if (only === undefined) return showThroughput(options, session, terminal);
  const opening = { ...modelInput(options, session, terminal), ...only };
  const baseline = options.compare === undefined ? undefined : await readResult(options.compare);
  const audio = await benchAudio(options.audio, options.seconds, { signal, onWarning: terminal.warn });
  if (options.report !== undefined) await writing(options.report, makeFolder);
  const subject = await load(opening, session, terminal);
  let plan: BenchOptions;
  try {
    if (options.profile && subject.npu !== undefined) {
      throw new UsageError('PROFILE_ON_NPU', 'a profile of operators is there for the CPU only', {
        hint: 'Leave --profile out, or give --device cpu. On an NPU, msprof of CANN shows its kernels.',
      });
    }
    const { rules, backend } = subject.model;
    plan = {
      audio,
      request: benchRequest(rules, backend.dimensions.nTextCtx, options.language, options.tokens),
      forcedTokens: options.tokens !== undefined,
      runs: options.runs,
      warmupRuns: options.warmup,
      signal,
      onRun: runProgress(options, terminal),
    };
    const measured = await bench(subject, plan);
    if (measured !== undefined) await show(measured, baseline, options, session, terminal);
  } finally {
    await subject.model[Symbol.asyncDispose]();
  }
  signal.throwIfAborted();
  if (options.profile) {
    terminal.note('profiling');
    const profiles = await profileModel(opening, plan);
    await session.print(`\n${profileText(profiles)}`);
  }
}

/** Loads the model and times that, without what is done only once in a model's life. */
async function load(asked: OpenModelOptions, session: Session, terminal: Terminal): Promise<BenchSubject> {
  const { context, onPrepare, onConvert } = asked;
  let wasBuilt = false;
  let npu: NpuUnderTest | undefined;
  let soc: string | undefined;
  const building =
    <T>(tell: ((of: T) => void) | undefined) =>
    (of: T) => {
      wasBuilt = true;
      tell?.(of);
    };
  const open = async () => {
    const started = performance.now();
    const model = await openModel({
      ...asked,
      context: { ...context, onEvent: building(context.onEvent) },
      onPrepare: building(onPrepare),
      onConvert: building(onConvert),
      async onNpu(opened) {
        soc = opened.device.socName;
        npu = await underTest(opened);
      },
    });
    return { model, loadMs: performance.now() - started };
  };
  let { model, loadMs } = await open();
  const wasReady = !wasBuilt;
  if (!wasReady) {
    terminal.note('loading the model again, to time that alone');
    await model[Symbol.asyncDispose]();
    ({ model, loadMs } = await open());
  }
  terminal.note(`model ${model.name}, ${model.dtype}, device ${model.backend.device}`);
  try {
    const { directory } = await resolveModel(asked.model ?? model.name, context);
    return {
      model,
      loadMs,
      wasReady,
      modelSha256: await weightsSha256(await openCheckpoint(directory), session.signal),
      dtype: model.dtype,
      environment: await describeEnvironment(session.env, soc),
      ...(npu === undefined ? {} : { npu }),
    };
  } catch (error) {
    await model[Symbol.asyncDispose]();
    throw error;
  }
}

async function underTest({ device, isStandIn }: OpenedNpu): Promise<NpuUnderTest> {
  const { freeBytes, totalBytes } = await device.memoryInfo();
  return { device, isStandIn, beforeBytes: totalBytes - freeBytes };
}

/** Says how far it is, every few seconds. */
function runProgress({ runs }: Options, terminal: Terminal): NonNullable<BenchOptions['onRun']> {
  let saidAt = performance.now();
  return (done, { endToEndMs }) => {
    if (performance.now() - saidAt < 5000 || done === runs) return;
    saidAt = performance.now();
    terminal.note(done === 0 ? 'warming up' : `run ${done} of ${runs}: ${endToEndMs.toFixed(0)} ms`);
  };
}

async function show(
  { result, times, deviating }: Measured,
  baseline: KnownResult | undefined,
  options: Options,
  session: Session,
  terminal: Terminal,
): Promise<void> {
  const { tolerance, report } = options;
  if (deviating.length > 0) terminal.warn(`not every run gave the first one's tokens: ${deviating.join(', ')} did not`);
  const current = { ...result, name: 'this run' };
  const comparison = baseline === undefined ? undefined : compareResults(baseline, current, tolerance);
  const json = JSON.stringify({ ...result, ...(comparison === undefined ? {} : { comparison }) });
  // What was measured is told before anything can go wrong with its page.
  if (options.json) await session.print(`${json}\n`);
  else
    await session.print(
      comparison === undefined ? benchText(result) : `${benchText(result)}\n${comparisonText(comparison)}`,
    );
  if (report === undefined) return;
  const compared = comparison === undefined ? undefined : { comparison, tolerance };
  await writing(report, async (folder) => {
    await writeFile(join(folder, 'bench.html'), benchPage(result, times, compared));
    await writeFile(join(folder, 'bench.json'), `${json}\n`);
  });
  terminal.note(`report in ${join(report, 'bench.html')}`);
}

async function compareFiles(before: string, after: string, command: Command, session: Session): Promise<void> {
  const { tolerance, json } = readOptions(command, 'bench compare', session).options;
  const [baseline, current] = [await readResult(before), await readResult(after)];
  const comparison = compareResults(baseline, current, tolerance);
  if (json) await session.print(`${JSON.stringify({ ...comparison, tolerance })}\n`);
  else await session.print(`${comparisonText(comparison)}${ruleText(`${tolerance} %`)}\n`);
  requireSameWork(comparison);
  if (comparison.rows.some(({ verdict }) => verdict === 'worse')) process.exitCode = exitCode.failed;
}

/** A script that watches for regressions must not take other work for progress. */
function requireSameWork({ rows, differences }: Comparison): void {
  if (rows.length === 0) throw new UsageError('RESULTS_DISJOINT', 'the two results have no figure in common');
  if (differences.length > 0) {
    throw new UsageError('RESULTS_DIFFER', `the two results are of different work: ${differences.join('; ')}`, {
      hint: 'Measure both with the same model, audio and --tokens.',
    });
  }
}
