import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import type { openPool as open } from '../../../src/pool/open-pool.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import type { AnsweredRequest } from '../../../src/server/http/http-server.ts';
import { openSpeechServer, type SpeechServer, type SpeechServerOptions } from '../../../src/server/speech-server.ts';
import type { Segment } from '../../../src/transcribe/segment.ts';
import { built } from '../../support/build-dist.ts';
import { temporaryFolder } from '../../support/temporary.ts';

export interface TestServer {
  readonly url: string;
  readonly server: SpeechServer;
  /** Requests that have been answered, in order. */
  readonly answered: AnsweredRequest[];
  /** Where recordings are kept. */
  readonly uploads: string;
}

/** A server on a free port that is gone when the test is over. @param pool what it transcribes with */
export async function startServer(
  pool: Pool | Promise<Pool>,
  options: Partial<SpeechServerOptions> = {},
): Promise<TestServer> {
  const answered: AnsweredRequest[] = [];
  const uploads = temporaryFolder();
  const server = await openSpeechServer({
    host: '127.0.0.1',
    port: 0,
    access: { hosts: [], corsOrigins: [] },
    models: { open: async () => pool, stored: async () => [] },
    admission: { running: 4, waiting: 8, waitSeconds: 60 },
    uploads: { maxBytes: 100e6, minBytesPerSecond: 1000, paceSeconds: 15 },
    uploadDirectory: uploads,
    maxDurationSeconds: 3600,
    version: '0',
    onAnswered: (request) => answered.push(request),
    ...options,
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  await server.ready;
  return { url: server.url, server, answered, uploads };
}

/** A real model, whose thread takes a compiled program. */
export async function compiledPool(model: string): Promise<Pool> {
  const { openPool } = (await import(built('pool/open-pool.js'))) as { openPool: typeof open };
  return openPool({ model, device: 'cpu', threads: 2 });
}

export const segmentOf = (text: string, id = 0): Segment => ({
  id,
  seek: 0,
  startSeconds: id,
  endSeconds: id + 1,
  text,
  tokens: [1],
  temperature: 0,
  avgLogprob: -0.1,
  compressionRatio: 1,
  language: 'en',
});

/** A pool that reads every recording and says what a test wants. */
export function scriptedPool(transcribe: Pool['transcribe'] = sayHello): Pool {
  return {
    name: 'scripted',
    dtype: 'float32',
    transcribe,
    detectLanguage: async () => [{ language: 'de', probability: 0.9 }],
    status: () => ({ devices: [], recordings: 0, waitingRecordings: 0, windows: 0, waitingWindows: 0 }),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* sayHello(recording: Parameters<Pool['transcribe']>[0]): AsyncGenerator<Segment> {
  for await (const _ of recording.samples());
  yield segmentOf(' hello');
}

/** The longest that a server has for closing a connection: one that never does gives what came until then. */
const patienceMs = 30_000;

/** Sends bytes as they are and gives what comes back until the connection is closed. */
export function sendRaw(url: string, ...pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const giveUp = setTimeout(() => socket.destroy(), patienceMs);
    socket.once('close', () => clearTimeout(giveUp));
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', () => undefined).on('close', () => resolve(answer));
    for (const piece of pieces) socket.write(piece);
  });
}

/** Files of recordings that a server keeps. */
export function keptFiles({ uploads }: TestServer): string[] {
  return readdirSync(uploads, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

/** A request counts as answered when all that was kept for it is gone. */
export async function expectNothingKept(server: TestServer, requests: number): Promise<void> {
  await expect.poll(() => server.answered.length).toBeGreaterThanOrEqual(requests);
  expect(keptFiles(server)).toEqual([]);
}

/** A form with a recording in it, and other fields. */
export function formWith(
  file: Uint8Array<ArrayBuffer> | undefined,
  fields: Readonly<Record<string, string>> = {},
): FormData {
  const form = new FormData();
  if (file !== undefined) form.append('file', new Blob([file]), 'clip.wav');
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

/** What a server says of an error. */
export async function errorOf(response: Response) {
  const { error } = (await response.json()) as {
    error: { message: string; type: string; param: string | null; code: string | null };
  };
  return { status: response.status, ...error };
}

export async function transcribeAt(url: string, form: FormData, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form, ...init });
}
