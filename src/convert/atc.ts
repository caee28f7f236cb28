import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findProgram, isExecutable, shellCommand, toolkitFolders, wholeEnvironment } from '../child-program.ts';
import { ConversionError } from '../errors.ts';
import { makeFolder } from '../model/make-folder.ts';
import { findLeftovers, stagingPath } from '../model/staging.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One graph to turn into an OM file. */
export interface AtcJob {
  /** The .onnx file. */
  readonly model: string;
  /** The .om file to write, without its extension. */
  readonly output: string;
  /** As aclrtGetSocName names it: Ascend910B4. */
  readonly soc: string;
  /** Weights go into files beside the OM, so that several OMs can share one copy on the device. */
  readonly externalWeights: boolean;
  /** A file that says how exactly kinds of operators compute, where that is not left to atc. */
  readonly precisionFile?: string;
  /** The processor of the machine that will run the OM, where it is not this one's: aarch64 or x86_64. */
  readonly hostCpu?: string;
}

/** The arguments of atc for a job. */
export function atcArguments({ model, output, soc, externalWeights, precisionFile, hostCpu }: AtcJob): string[] {
  return [
    `--model=${model}`,
    '--framework=5',
    `--output=${output}`,
    `--soc_version=${soc}`,
    '--input_format=ND',
    // The graph itself says what is computed in which type. Left alone, atc would make all of it float16.
    '--precision_mode_v2=origin',
    ...(externalWeights ? ['--external_weight=1'] : []),
    ...(precisionFile === undefined ? [] : [`--op_precision_mode=${precisionFile}`]),
    ...(hostCpu === undefined ? [] : ['--host_env_os=linux', `--host_env_cpu=${hostCpu}`]),
    '--log=error',
  ];
}

/**
 * Finds atc: `WHISPER_NPU_ATC`, then the folders of `PATH`, then those of `ASCEND_HOME_PATH` and `ASCEND_TOOLKIT_HOME`.
 *
 * @throws ConversionError 'ATC_MISSING'
 */
export async function findAtc(env: Environment): Promise<string> {
  const given = env['WHISPER_NPU_ATC'];
  const inToolkits = toolkitFolders(env).flatMap((path) => [
    join(path, 'bin', 'atc'),
    join(path, 'compiler', 'bin', 'atc'),
  ]);
  const candidates =
    given === undefined ? [await findProgram('atc', env), ...inToolkits] : [await findProgram(given, env)];
  for (const candidate of candidates) {
    if (candidate !== undefined && (await isExecutable(candidate))) return candidate;
  }
  const where = given === undefined ? 'on the PATH or in ASCEND_HOME_PATH' : `at ${given} (WHISPER_NPU_ATC)`;
  throw new ConversionError('ATC_MISSING', `atc, CANN's model converter, was not found ${where}`, {
    hint: 'Install CANN and source its set_env.sh, or use --graphs-only and run atc on a machine that has it.',
  });
}

/** What atc takes in a path, links resolved; the last two are the ends of a range of Chinese characters. */
const unusualCharacter = /[^A-Za-z0-9./_\-\u4e00-\u9fa5]/u;

/**
 * Checks a folder that atc is to read from and write to: of what is wrong with a path it says little.
 *
 * @throws ConversionError 'ATC_PATH'
 */
export async function checkAtcFolder(folder: string): Promise<void> {
  const path = await realpath(folder);
  const [character] = unusualCharacter.exec(path) ?? [];
  if (character === undefined) return;
  throw new ConversionError('ATC_PATH', `atc takes no paths with ${JSON.stringify(character)}, as in ${path}`, {
    hint: 'Name a folder for models in WHISPER_NPU_HOME whose path has only letters from a to z, digits and ./_- in it.',
  });
}

/** What atc says of a value of one of its options that it does not take. */
const badValue = 'E10001';
const unknownSoc =
  'The soc version is not known to this CANN. See `npu-smi info` for the chip name, and put Ascend before it.';

/** What to do about the errors of atc that users meet (codes of CANN 8.5). */
const remedies: Readonly<Record<string, string>> = {
  E13000: 'The graph file could not be opened.',
  E13010: 'This CANN does not know an operator of the graph. CANN 8.0 or newer is needed.',
  EZ9999: 'The operator package of CANN is missing or does not match. Check ASCEND_OPP_PATH and the ops package.',
  E19999: 'See the log for what atc could not do.',
};

/** Would be taken for the current folder, wherever it is. */
export const workFolderVariable = 'ASCEND_WORK_PATH';

/** How long atc has to end when it is told to; what it started has to end with it. */
const terminationLimitMs = 3000;

/** The log file of one conversion. */
export interface AtcLog {
  /** The file that is written during the conversion. */
  readonly temporaryPath: string;
  /** Its final name, for messages. */
  readonly path: string;
}

/**
 * Keeps a log of a conversion. Conversions at the same time write separate logs; the one that ends last, whether it failed or not,
 * gets the final name.
 */
export async function withLog<T>(path: string, body: (log: AtcLog) => Promise<T>): Promise<T> {
  await makeFolder(dirname(path));
  const temporaryPath = stagingPath(path);
  await writeFile(temporaryPath, '');
  try {
    for (const leftover of await findLeftovers(dirname(path), temporaryPath))
      if (leftover.target === path && leftover.isDead) await rm(leftover.path, { force: true });
    return await body({ temporaryPath, path });
  } finally {
    await rename(temporaryPath, path);
  }
}

/** The working folder of atc, and its log. */
export interface AtcWorkspace {
  /**
   * The current folder of atc, made for it: its helpers look for modules there and leave files there. It also writes external
   * weights there and renames them to the folder of the OM, which therefore must be on the same file system.
   */
  readonly folder: string;
  readonly log: AtcLog;
}

/**
 * Runs atc in a folder and waits for it. All that it and its helpers print goes to the log.
 *
 * @param args paths among them are absolute
 * @throws ConversionError 'ATC_FAILED' with atc's own error lines; the signal's reason, once atc and its helpers have ended
 */
export async function runAtc(
  atc: string,
  args: readonly string[],
  { folder: cwd, log }: AtcWorkspace,
  signal?: AbortSignal,
): Promise<void> {
  await using output = await open(log.temporaryPath, 'a');
  await output.appendFile(`${shellCommand(atc, ...args)}\n`);
  const { size: startOffset } = await output.stat(); // what runs before this one said is in it too
  signal?.throwIfAborted(); // with nothing awaited until it is listened to
  // A group of its own: a Ctrl-C goes to this program alone, which then ends all of them.
  const { [workFolderVariable]: _, ...env } = wholeEnvironment(process.env);
  const child = spawn(atc, args, { cwd, env, stdio: ['ignore', output.fd, output.fd], detached: true });
  let killTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    killGroup(child.pid, 'SIGTERM');
    killTimer = setTimeout(() => killGroup(child.pid, 'SIGKILL'), terminationLimitMs);
  };
  const abandon = () => killGroup(child.pid, 'SIGKILL');
  signal?.addEventListener('abort', stop);
  process.once('exit', abandon);
  try {
    const [code, ended] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    if (signal?.aborted) abandon(); // helpers that outlived it
    signal?.throwIfAborted();
    if (code !== 0) {
      const said = (await readFile(log.temporaryPath)).subarray(startOffset).toString();
      throw atcFailed(said, ended ?? `exit code ${code}`, log.path);
    }
  } catch (cause) {
    if (cause instanceof ConversionError || signal?.aborted) throw cause;
    throw new ConversionError('ATC_FAILED', `${atc} could not be run: ${String(cause)}`, { cause });
  } finally {
    signal?.removeEventListener('abort', stop);
    process.off('exit', abandon);
    clearTimeout(killTimer);
  }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // they have all ended
  }
}

/** @param end how it ended: an exit code or a signal */
function atcFailed(said: string, end: string, logPath: string): ConversionError {
  const lines = said.split('\n').filter((line) => /\b(E[A-Z]?\d{4,5}|ERROR)\b/.test(line));
  const reason = [`atc failed with ${end}`, ...lines.slice(0, 5)];
  const known = /\bE[A-Z]?\d{4,5}\b/.exec(reason.join())?.[0];
  const remedy = known === undefined ? undefined : remedyFor(known, said);
  return new ConversionError('ATC_FAILED', reason, {
    hint: `${remedy === undefined ? '' : `${remedy} `}The whole log: ${logPath}`,
  });
}

function remedyFor(code: string, said: string): string | undefined {
  if (code === badValue) return said.includes('--soc_version') ? unknownSoc : undefined;
  return remedies[code];
}
