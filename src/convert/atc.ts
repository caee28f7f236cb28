import { spawn } from 'node:child_process';
import { constants, createWriteStream } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { ConversionError } from '../errors.ts';

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
  /** The processor of the machine that will run the OM, where it is not this one's: aarch64 or x86_64. */
  readonly hostCpu?: string;
}

/** The arguments of atc for a job. */
export function atcArguments({ model, output, soc, externalWeights, hostCpu }: AtcJob): string[] {
  return [
    `--model=${model}`,
    '--framework=5',
    `--output=${output}`,
    `--soc_version=${soc}`,
    '--input_format=ND',
    // The graph itself says what is computed in which type. Left alone, atc would make all of it float16.
    '--precision_mode_v2=origin',
    ...(externalWeights ? ['--external_weight=1'] : []),
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
  const toolkits = [env['ASCEND_HOME_PATH'], env['ASCEND_TOOLKIT_HOME']].filter((path) => path !== undefined);
  const folders = [
    ...(env['PATH'] ?? '').split(delimiter),
    ...toolkits.flatMap((path) => [join(path, 'bin'), join(path, 'compiler', 'bin')]),
  ].filter((folder) => folder !== '');
  const candidates = given === undefined ? folders.map((folder) => join(folder, 'atc')) : [given];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  const where = given === undefined ? 'on the PATH or in ASCEND_HOME_PATH' : `at ${given} (WHISPER_NPU_ATC)`;
  throw new ConversionError('ATC_MISSING', `atc, CANN's model converter, was not found ${where}`, {
    hint: 'Install CANN and source its set_env.sh, or use --graphs-only and run atc on a machine that has it.',
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not executable: the next candidate may do
  }
}

/** What to do about the errors of atc that users meet (codes of CANN 8.5). */
const remedies: Readonly<Record<string, string>> = {
  E10001: 'The soc version is not known to this CANN. See `npu-smi info` for the chip name, and put Ascend before it.',
  E13000: 'The graph file could not be opened.',
  E13010: 'This CANN does not know an operator of the graph. CANN 8.0 or newer is needed.',
  EZ9999: 'The operator package of CANN is missing or does not match. Check ASCEND_OPP_PATH and the ops package.',
  E19999: 'See the log for what atc could not do.',
};

/**
 * Runs atc and waits for it. All it prints goes to the log file.
 *
 * @throws ConversionError 'ATC_FAILED' with atc's own error lines
 */
export async function runAtc(atc: string, args: readonly string[], logPath: string, signal?: AbortSignal) {
  signal?.throwIfAborted();
  const log = createWriteStream(logPath, { flags: 'a' });
  log.write(`${atc} ${args.join(' ')}\n`);
  const child = spawn(atc, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill();
  signal?.addEventListener('abort', stop);
  try {
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    log.end();
    await finished(log);
    signal?.throwIfAborted();
    if (code !== 0) throw atcFailed(await readFile(logPath, 'utf8'), code, logPath);
  } catch (cause) {
    if (cause instanceof ConversionError || signal?.aborted) throw cause;
    throw new ConversionError('ATC_FAILED', `${atc} could not be run: ${String(cause)}`, { cause });
  } finally {
    signal?.removeEventListener('abort', stop);
    log.destroy();
  }
}

function atcFailed(log: string, code: number | null, logPath: string): ConversionError {
  const lines = log.split('\n').filter((line) => /\b(E[A-Z]?\d{4,5}|ERROR)\b/.test(line));
  const reason = lines.slice(0, 5).join('\n') || `exit code ${code}`;
  const known = /\bE[A-Z]?\d{4,5}\b/.exec(reason)?.[0];
  const remedy = known === undefined ? undefined : remedies[known];
  return new ConversionError('ATC_FAILED', `atc failed:\n${reason}`, {
    hint: `${remedy === undefined ? '' : `${remedy} `}The whole log: ${logPath}`,
  });
}
