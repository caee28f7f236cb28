import type { Command } from 'commander';
import { sileroOnDemand } from '../../backend/cpu/silero.ts';
import { closeAfter } from '../../errors.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { listDevices, type PoolDevice, usefulCount } from '../../pool/devices.ts';
import { openPoolOn } from '../../pool/open-pool.ts';
import { deviceNames, type Pool } from '../../pool/pool.ts';
import { type Equipment, madeBy } from '../../queue/equipment.ts';
import { type Job, type JobReport, jobName } from '../../queue/job.ts';
import { performJob } from '../../queue/perform-job.ts';
import type { WorkOptions } from '../../queue/queue.ts';
import { partLimits } from '../../queue/split/cut-places.ts';
import { checkAlike, checkVersion } from '../../queue/versions.ts';
import type { HttpServer } from '../../server/http/http-server.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { exitCode } from '../exit-codes.ts';
import { modelInput } from '../model-input.ts';
import { openQueue } from '../queue/open-queue.ts';
import { remoteOf } from '../queue/remote.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';
import { hasDevice, heldBy } from './devices-held.ts';
import { openFigures } from './figures.ts';
import { openWatchPort, type WatchedWorker } from './watch-port.ts';

type Options = CommandOptions<'worker'>;

export function addWorker(program: Command, session: Session): void {
  addOptions(program.command('worker'), 'worker')
    .summary('transcribe what is in a queue')
    .description(
      'Does the jobs of a queue, and waits for more. Several workers share a queue. After Ctrl-C or SIGTERM a worker ends what it has begun and takes nothing more; killed, its jobs are done by others.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ whisper-npu worker --until-empty
  $ whisper-npu worker --name large --model whisper-large-v3-turbo --device npu:all   # needs an NPU`,
    )
    .action((_: unknown, own: Command) => run(own, session));
}

async function run(command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'worker', session);
  await using queue = await openQueue(options, session, terminal);
  const draining = new AbortController();
  const devices = await listDevices(options.device, options.threads, session.env);
  const pool = await openPoolOf(devices, options, session, terminal);
  session.insteadOfAborting(() => {
    terminal.note('shutting down: what was begun is brought to its end');
    draining.abort();
  });
  const equipment = equipmentOf(pool, options, session, terminal);
  const figures = openFigures(pool);
  let watch: HttpServer | undefined;
  const close = async () => {
    await watch?.close();
    await equipment.close();
  };
  try {
    if (!options.anyVersion) checkAlike(await queue.lastResult(), madeBy(equipment));
    watch = await openWatch({ queue, figures, hasDevice: () => hasDevice(pool), draining: draining.signal }, options);
    if (watch !== undefined) terminal.note(`figures on ${watch.url}/metrics`);
    terminal.note(`working on ${queue.place}: model ${pool.name}, ${pool.dtype}, device ${deviceNames(pool)}`);
    const working: WorkOptions = {
      concurrency: options.jobs ?? usefulCount(devices, options.batchSize),
      untilEmpty: options.untilEmpty === true,
      draining: draining.signal,
      // One that is to come to an end does not wait for a device that may never work again.
      ...(options.untilEmpty === true ? {} : { isHeld: heldBy(pool, terminal) }),
      onTried(report) {
        figures.count(report);
        tellTried(report, terminal);
      },
    };
    const perform = async (job: Job, signal: AbortSignal) => {
      if (!options.anyVersion) checkVersion(job, version);
      return performJob(job, equipment, signal);
    };
    await queue.work(perform, working);
  } catch (error) {
    return closeAfter(error, close);
  }
  await close();
}

function openWatch(
  parts: Pick<WatchedWorker, 'queue' | 'figures' | 'hasDevice'> & { readonly draining: AbortSignal },
  { metricsPort, metricsHost }: Options,
): Promise<HttpServer> | undefined {
  if (metricsPort === undefined) return undefined;
  const isDraining = () => parts.draining.aborted;
  return openWatchPort({ ...parts, isDraining, version, host: metricsHost, port: metricsPort });
}

function openPoolOf(
  devices: readonly PoolDevice[],
  options: Options,
  session: Session,
  terminal: Terminal,
): Promise<Pool> {
  // What is read at a time is limited by the number of jobs.
  const limits = { batchSize: options.batchSize, maxRecordings: Number.MAX_SAFE_INTEGER };
  return openPoolOn(devices, { ...modelInput(options, session, terminal), wordTimes: true }, limits);
}

function equipmentOf(
  pool: Pool,
  { cacheSize }: Options,
  session: Session,
  terminal: Terminal,
): Equipment & { close(): Promise<void> } {
  const silero = sileroOnDemand();
  return {
    pool,
    speechModel: silero.get,
    ffmpeg: session.env['WHISPER_NPU_FFMPEG'],
    version,
    partLimits: partLimits(Number(session.env['WHISPER_NPU_QUEUE_PART_SECONDS']) || undefined),
    remote: remoteOf(session.env, cacheSize),
    onWarning: terminal.warn,
    async close() {
      await silero[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
    },
  };
}

function tellTried(report: JobReport, terminal: Terminal): void {
  const { job, state, failures, failure, nParts } = report;
  const name = jobName(job);
  if (state === 'finished' || nParts !== undefined) {
    terminal.note(`${name}: ${nParts === undefined ? finishedText(report) : `${nParts} parts are to be done first`}`);
    return;
  }
  const next = state === 'failed' ? 'it stays failed' : 'it is tried again';
  terminal.warn(`${failure?.message ?? name} (try ${failures} of ${job.attempts}: ${next})`);
  if (state === 'failed') process.exitCode = exitCode.failed;
}

function finishedText({ result }: JobReport): string {
  const { audioSeconds, elapsedSeconds } = result ?? {};
  if (audioSeconds === undefined || elapsedSeconds === undefined) return 'was finished already';
  return `${audioSeconds.toFixed(1)} s of audio in ${elapsedSeconds.toFixed(2)} s`;
}
