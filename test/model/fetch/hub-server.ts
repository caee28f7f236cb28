import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FetchContext, PullEvent } from '../../../src/model/fetch/context.ts';

/** How a file is served, or misserved. */
export interface Served {
  readonly bytes: Buffer;
  /** Answer with this status and an error text. */
  readonly status?: number;
  /** Break the connection after so many bytes of an answer: one entry per request, then no more. */
  readonly dropAfter?: number[];
  /** Tells when the client has read so many bytes of the file; a connection is not broken before. */
  readonly clientHas?: (bytes: number) => boolean;
  readonly ignoreRange?: boolean;
  /** What `content-length` says instead of the truth. */
  readonly announcedBytes?: number;
  readonly etag?: string;
  /** Redirect to a storage path as the hub does for large files, with its SHA-256 and size. */
  readonly linked?: boolean | { readonly sha256: string };
  readonly hang?: 'headers' | 'body';
  /** Pause after each piece of so many bytes, to be slow. */
  readonly pieceBytes?: number;
}

/** A hub on this machine that does what a test tells it to. */
export class HubServer {
  /** By path below the root, e.g. `openai/whisper-small/resolve/main/config.json`. May be changed at any time. */
  readonly files = new Map<string, Served>();
  readonly requests: { path: string; range: string | undefined; authorization: string | undefined }[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<HubServer> {
    const server = createServer((request, response) => {
      hub.#answer(request, response).catch(() => response.destroy());
    });
    const hub = new HubServer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves the files of a repository under `resolve/main`. */
  publish(repository: string, files: Readonly<Record<string, Buffer | Served>>): void {
    for (const [name, file] of Object.entries(files))
      this.files.set(`${repository}/resolve/main/${name}`, Buffer.isBuffer(file) ? { bytes: file } : file);
  }

  requestsFor(name: string): typeof this.requests {
    return this.requests.filter(({ path }) => path.endsWith(`/${name}`) && !path.startsWith('storage/'));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').slice(1);
    const { range, authorization } = request.headers;
    this.requests.push({ path, range, authorization });
    const file = this.files.get(path.replace(/^storage\//, ''));
    if (file === undefined) response.writeHead(404).end('not found');
    else if (file.status !== undefined) response.writeHead(file.status).end('an error');
    else if (file.hang === 'headers') return;
    else if (file.linked && !path.startsWith('storage/')) redirect(file, path, response);
    else await sendFile(file, range, response);
  }
}

function redirect(file: Served, path: string, response: ServerResponse): void {
  const sha256 = typeof file.linked === 'object' ? file.linked.sha256 : sha256Of(file.bytes);
  const headers = { 'x-linked-etag': `"${sha256}"`, 'x-linked-size': file.bytes.length, etag: '"pointer"' };
  response.writeHead(302, { location: `/storage/${path}`, ...headers }).end('elsewhere');
}

async function sendFile(file: Served, range: string | undefined, response: ServerResponse): Promise<void> {
  const total = file.bytes.length;
  const asked = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const start = file.ignoreRange ? 0 : asked;
  if (start >= total) {
    response.writeHead(416, { 'content-range': `bytes */${total}` }).end();
    return;
  }
  const body = file.bytes.subarray(start);
  const headers: Record<string, string | number> = { 'content-length': file.announcedBytes ?? body.length };
  if (file.etag !== undefined) headers['etag'] = file.etag;
  if (start > 0) headers['content-range'] = `bytes ${start}-${total - 1}/${total}`;
  response.writeHead(start > 0 ? 206 : 200, headers);
  response.flushHeaders();
  if (file.hang === 'body') {
    // A first request gets something, a resumed one nothing more.
    if (start === 0) await write(response, body.subarray(0, body.length / 2));
    return;
  }
  const drop = file.dropAfter?.shift();
  await write(response, drop === undefined ? body : body.subarray(0, drop), file.pieceBytes);
  if (drop === undefined) {
    response.end();
    return;
  }
  // What a client has not read yet when the connection breaks is lost to it.
  while (file.clientHas?.(start + drop) === false) await sleep(2);
  response.destroy();
}

async function write(response: ServerResponse, bytes: Buffer, pieceBytes = bytes.length || 1): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await new Promise((resolve) => response.write(bytes.subarray(at, at + pieceBytes), resolve));
    await sleep(2);
  }
}

/** For {@link Served.clientHas}. */
export function hasRead(events: readonly PullEvent[], file: string): (bytes: number) => boolean {
  return (bytes) => {
    const last = events.findLast((event) => event.kind === 'progress' && event.file === file);
    return (last?.kind === 'progress' ? last.receivedBytes : 0) >= bytes;
  };
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A context that retries at once and keeps the events. */
export function impatientContext(
  overrides: Partial<FetchContext> = {},
): FetchContext & { readonly events: PullEvent[] } {
  const events: PullEvent[] = [];
  return {
    env: {},
    fetch,
    timeouts: { responseMs: 60_000, stallMs: 60_000, backoffMs: 1, lockPollMs: 10 },
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
    events,
    ...overrides,
  };
}
