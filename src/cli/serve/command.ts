import { hostname } from 'node:os';
import type { Command } from 'commander';
import { closeAfter, UsageError } from '../../errors.ts';
import { listModels, storeDirectory } from '../../model/store.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { listDevices } from '../../pool/devices.ts';
import { openPoolOn } from '../../pool/open-pool.ts';
import type { JobQueue } from '../../queue/queue.ts';
import { checkMemory } from '../../server/check-memory.ts';
import type { ModelOpening } from '../../server/held-models.ts';
import { isLoopback } from '../../server/http/access.ts';
import { openSpeechServer, type SpeechServerOptions } from '../../server/speech-server.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { modelInput } from '../model-input.ts';
import { openQueue } from '../queue/open-queue.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';
import { requestLog } from './request-log.ts';
import { readTlsFiles } from './tls-files.ts';

type Options = CommandOptions<'serve'>;

export function addServe(program: Command, session: Session): void {
  addOptions(program.command('serve'), 'serve')
    .summary('answer over HTTP, as OpenAI does')
    .description(
      "Transcribes what clients of OpenAI's audio API send. Ends when what came before Ctrl-C or SIGTERM is answered.",
    )
    .addHelpText(
      'after',
      `
Examples:
  $ whisper-npu serve
  $ curl http://127.0.0.1:8000/v1/audio/transcriptions -F model=whisper-1 -F file=@interview.mp3
  $ WHISPER_NPU_API_KEY=… whisper-npu serve --host 0.0.0.0 --model whisper-large-v3-turbo`,
    )
    .action((_: unknown, own: Command) => run(own, session));
}

async function run(command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'serve', session);
  checkAccess(options);
  const tls = await readTlsFiles(options.tlsCert, options.tlsKey);
  await using queue = options.jobsDir === undefined ? undefined : await openQueue(options, session, terminal);
  const jobs = queue && jobsIn(queue, options, terminal);
  const server = await openSpeechServer({ ...serverOptions(options, session, terminal), tls, jobs });
  const close = async () => server[Symbol.asyncDispose]();
  try {
    const ending = new Promise<void>((resolve, reject) => {
      session.insteadOfAborting(() => {
        terminal.note('shutting down: requests that came are answered, new ones are not taken');
        server.drain().then(resolve, reject);
      });
    });
    terminal.note(`listening on ${server.url}`);
    if (queue !== undefined) terminal.note(`taking jobs for the workers of ${queue.place}`);
    if (server.wyomingUrl !== undefined) terminal.note(`speaking Wyoming on ${server.wyomingUrl}`);
    const { model, devices } = await Promise.race([
      server.ready,
      ending.then(() => ({ model: undefined, devices: [] })),
    ]);
    if (model !== undefined) terminal.note(`ready: model ${model}, device ${devices.join('; ')}`);
    await ending;
  } catch (error) {
    return closeAfter(error, close);
  }
  await close();
}

/** @throws UsageError where others could reach the server and nobody said that they may */
function checkAccess({ host, apiKey, auth, wyoming }: Options): void {
  if (isLoopback(host) || apiKey !== undefined || !auth) return;
  throw new UsageError('API_KEY_NEEDED', `others can reach ${host}: a server there needs a key`, {
    hint: `${wyoming === undefined ? 'set WHISPER_NPU_API_KEY, or ' : ''}say --no-auth if everybody who can reach it may use it`,
  });
}

function jobsIn(queue: JobQueue, options: Options, { warn }: Terminal): SpeechServerOptions['jobs'] {
  const { jobsDir = '', keepJobsSeconds: keepSeconds, maxJobs } = options;
  return { queue, directory: jobsDir, keepSeconds, maxJobs, version, onWarning: warn };
}

function serverOptions(options: Options, session: Session, terminal: Terminal): SpeechServerOptions {
  const { device, batchSize, maxRecordings } = options;
  const input = modelInput(options, session, terminal);
  const openingOf = ({ id, mayFetch }: ModelOpening): typeof input => {
    const own = { ...input, wordTimes: true, onCpuLoad: checkMemory };
    if (id === undefined) return own;
    // What a client names is a model of the store, whatever lies in the current folder; nothing is fetched for a mere request.
    return {
      ...own,
      model: id,
      context: { ...input.context, namesOnly: true, ...(mayFetch ? {} : { offline: true }) },
    };
  };
  const store = storeDirectory(session.env);
  return {
    host: options.host,
    port: options.port,
    wyomingPort: options.wyoming,
    access: {
      apiKey: options.apiKey,
      hosts: [hostname().toLowerCase(), options.host.toLowerCase(), ...(options.allowHost ?? [])],
      corsOrigins: options.corsOrigin ?? [],
    },
    models: {
      async open(opening) {
        const devices = await listDevices(device, options.threads, session.env);
        return openPoolOn(devices, openingOf(opening), { batchSize, maxRecordings });
      },
      stored: () => listModels(store),
      idleUnloadSeconds: options.idleUnloadSeconds,
      onUnloadFailure: (error) => terminal.warn(error instanceof Error ? error.message : String(error)),
    },
    admission: { running: maxRecordings, waiting: options.maxQueue, waitSeconds: options.maxWaitSeconds },
    uploads: { maxBytes: options.maxUploadMb * 1e6, minBytesPerSecond: 1000, paceSeconds: 15 },
    uploadDirectory: options.uploadDir,
    maxDurationSeconds: options.maxDurationSeconds,
    ffmpeg: session.env['WHISPER_NPU_FFMPEG'],
    version,
    onAnswered: requestLog(options, session.stderr),
  };
}
