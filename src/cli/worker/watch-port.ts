import { hostname } from 'node:os';
import { answerInTime } from '../../queue/answer-in-time.ts';
import type { JobState } from '../../queue/job.ts';
import type { JobQueue } from '../../queue/queue.ts';
import { sendJson, sendText } from '../../server/http/exchange.ts';
import { type HttpServer, openHttpServer } from '../../server/http/http-server.ts';
import { unavailable } from '../../server/http/request-error.ts';
import type { Route } from '../../server/http/router.ts';
import { prometheusType } from '../../server/prometheus.ts';
import type { WorkerFigures } from './figures.ts';

export interface WatchedWorker {
  readonly host: string;
  readonly port: number;
  readonly queue: JobQueue;
  readonly figures: WorkerFigures;
  readonly version: string;
  /** Whether any of its devices works. */
  hasDevice(): boolean;
  isDraining(): boolean;
}

/** Who scrapes figures waits for ten seconds. */
const queueAnswerMs = 5000;
const maxConnections = 64;

/** Answers those who look after a worker. @throws WhisperNpuError 'CANNOT_LISTEN' */
export function openWatchPort(worker: WatchedWorker): Promise<HttpServer> {
  const { host, port } = worker;
  return openHttpServer({
    host,
    port,
    access: { hosts: [hostname().toLowerCase(), host.toLowerCase()], corsOrigins: [] },
    routes: routesOf(worker),
    maxConnections,
    onAnswered: () => undefined,
  });
}

function routesOf({ queue, figures, version, hasDevice, isDraining }: WatchedWorker): Route[] {
  const get = (path: string, handle: Route['handle']): Route => ({
    method: 'GET',
    path,
    isOpen: true,
    isAlways: true,
    handle,
  });
  return [
    get('/metrics', async (exchange) => sendText(exchange, figures.text(await countsOf(queue)), prometheusType)),
    get('/health', (exchange) => sendJson(exchange, { status: 'ok', version })),
    get('/ready', async (exchange) => {
      if (isDraining()) throw unavailable('SHUTTING_DOWN', 'the worker is shutting down', 5);
      if (!hasDevice()) throw unavailable('NO_DEVICE', 'no device of this worker works', 5);
      if ((await countsOf(queue)) === undefined) throw unavailable('QUEUE_UNREACHABLE', 'the queue does not answer', 5);
      sendJson(exchange, { status: 'ready' });
    }),
  ];
}

/** @returns undefined where the queue does not answer */
async function countsOf(queue: JobQueue): Promise<Readonly<Record<JobState, number>> | undefined> {
  try {
    return await answerInTime(queue.counts(), queueAnswerMs, () => new Error('the queue does not answer'));
  } catch {
    return undefined; // its commands tell why
  }
}
