import { sileroOnDemand } from '../backend/cpu/silero.ts';
import { closeAfter } from '../errors.ts';
import { type AdmissionLimits, openAdmission } from './admission.ts';
import type { AccessRules } from './http/access.ts';
import { type AnsweredRequest, type HttpServerOptions, openHttpServer } from './http/http-server.ts';
import type { UploadLimits } from './http/upload.ts';
import { openUploadFolder } from './http/upload-folder.ts';
import { type JobDeskOptions, maxWatchers, openJobDesk } from './jobs/job-desk.ts';
import { openMetrics } from './metrics.ts';
import { type ModelHostOptions, openModelHost } from './model-host.ts';
import { routesOf } from './routes.ts';
import type { ServerParts } from './server-parts.ts';
import { openWyomingServer } from './wyoming/wyoming-server.ts';

export interface SpeechServerOptions {
  readonly host: string;
  readonly port: number;
  /** In PEM; without it the server speaks HTTP. */
  readonly tls?: HttpServerOptions['tls'];
  /** For clients of the Wyoming protocol, which everybody may use who reaches it; undefined for none. */
  readonly wyomingPort?: number | undefined;
  readonly access: AccessRules;
  readonly models: ModelHostOptions;
  readonly admission: AdmissionLimits;
  readonly uploads: UploadLimits;
  /** By default the system's folder for temporary files. */
  readonly uploadDirectory?: string | undefined;
  readonly maxDurationSeconds: number;
  /** For recordings that workers transcribe; without it none are taken. */
  readonly jobs?: JobDeskOptions | undefined;
  readonly ffmpeg?: string | undefined;
  readonly version: string;
  onAnswered(answered: AnsweredRequest): void;
}

/** A server that turns speech into text. */
export interface SpeechServer extends AsyncDisposable {
  readonly url: string;
  /** Where it speaks Wyoming. */
  readonly wyomingUrl: string | undefined;
  /** Comes when the default model is there. */
  readonly ready: Promise<{ readonly model: string; readonly devices: readonly string[] }>;
  /** Takes no more requests; ends when those that came have been answered. */
  drain(): Promise<void>;
}

/** Connections beside those of requests that have been let in: for those who are told to come again, and who look after the server. */
const connectionsForRefusals = 256;

/** @throws WhisperNpuError where the server cannot listen, or keep what it is sent */
export async function openSpeechServer(options: SpeechServerOptions): Promise<SpeechServer> {
  const uploads = await openUploadFolder(options.uploadDirectory);
  const removeUploads = async () => uploads[Symbol.asyncDispose]();
  const jobs =
    options.jobs === undefined
      ? undefined
      : await openJobDesk(options.jobs).catch((error: unknown) => closeAfter(error, removeUploads));
  const models = openModelHost(options.models);
  const admission = openAdmission(options.admission);
  const metrics = openMetrics(admission, models);
  const silero = sileroOnDemand();
  const parts: ServerParts = {
    models,
    uploads,
    admission,
    metrics,
    jobs,
    uploadLimits: options.uploads,
    maxDurationSeconds: options.maxDurationSeconds,
    speechModel: silero.get,
    ffmpeg: options.ffmpeg,
    version: options.version,
  };
  let isDraining = false;
  const { running, waiting } = options.admission;
  const maxConnections = running + waiting + connectionsForRefusals + (jobs === undefined ? 0 : maxWatchers);
  const onAnswered = (answered: AnsweredRequest) => {
    metrics.count(answered);
    options.onAnswered(answered);
  };
  const listening = openHttpServer({
    host: options.host,
    port: options.port,
    tls: options.tls,
    access: options.access,
    routes: routesOf(parts, () => isDraining),
    maxConnections,
    onAnswered,
  });
  const removeKept = async () => {
    await jobs?.[Symbol.asyncDispose]();
    await removeUploads();
  };
  const server = await listening.catch((error: unknown) => closeAfter(error, removeKept));
  const { host, wyomingPort: port } = options;
  const speaking =
    port === undefined ? undefined : openWyomingServer({ host, port, parts, maxConnections, onAnswered });
  const wyoming = await speaking?.catch((error: unknown) => closeAfter(error, () => server.close().then(removeKept)));
  const ready = models.load().then((pool) => ({
    model: `${pool.name}, ${pool.dtype}`,
    devices: pool.status().devices.map(({ name }) => name),
  }));
  ready.catch(() => undefined); // for whoever waits for it
  return {
    url: server.url,
    wyomingUrl: wyoming?.url,
    ready,
    async drain() {
      isDraining = true;
      jobs?.drain();
      await Promise.all([server.drain(), wyoming?.drain()]);
    },
    async [Symbol.asyncDispose]() {
      await wyoming?.close();
      await server.close();
      await models[Symbol.asyncDispose]();
      await silero[Symbol.asyncDispose]();
      await removeKept();
    },
  };
}
