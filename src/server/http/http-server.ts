import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { WhisperNpuError } from '../../errors.ts';
import { type AccessRules, checkHost, checkKey, checkOrigin } from './access.ts';
import { errorAnswer } from './error-answer.ts';
import { type Exchange, newRequestId, type RequestFacts, sendJson } from './exchange.ts';
import { RequestError, unavailable } from './request-error.ts';
import { findRoute, type Route } from './router.ts';

/** A request that has been answered, or given up. */
export interface AnsweredRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** The route's path, which is the same for all of its requests; undefined where there was none. */
  readonly route: string | undefined;
  /** 499 where the client went away before. */
  readonly status: number;
  readonly seconds: number;
  readonly facts: RequestFacts;
}

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly access: AccessRules;
  readonly routes: readonly Route[];
  readonly maxConnections: number;
  onAnswered(answered: AnsweredRequest): void;
}

/** A server that listens. */
export interface HttpServer {
  /** Its address, as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Takes no more requests; ends when those that came have been answered. */
  drain(): Promise<void>;
  /** Breaks all connections off. */
  close(): Promise<void>;
}

/** Headers are small and come at once. */
const headerLimits = { maxHeaderSize: 16_384, headersTimeout: 10_000, connectionsCheckingInterval: 1000 };
/** What a client still sends of a request that has been refused is thrown away for so long, so that it reads the answer. */
const lingerMs = 5000;
/** What no browser may make of an answer. */
const safeHeaders = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };

/** @throws WhisperNpuError 'CANNOT_LISTEN' */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, tls, maxConnections } = options;
  const state = { isDraining: false };
  // How long a body may take is a matter of its pace.
  const settings = { ...headerLimits, requestTimeout: 0, keepAliveTimeout: 15_000 };
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    answerRequest(request, response, options, state).catch((error: unknown) => {
      // Whatever could be told has been.
      response.destroy(error instanceof Error ? error : undefined);
    });
  };
  const server: Server =
    tls === undefined ? createServer(settings, answer) : createTlsServer({ ...settings, ...tls }, answer);
  server.maxConnections = maxConnections;
  server.maxHeadersCount = 100;
  // A client that asks before it sends a body is answered before it does.
  server.on('checkContinue', answer);
  server.on('clientError', refuseConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(cannotListen(options, cause, 'choose another one with --host and --port')),
    );
    server.listen({ host, port }, resolve);
  });
  const drain = (): Promise<void> => {
    state.isDraining = true;
    // Clients keep connections for their next request, which is not going to come.
    const closing = setInterval(() => server.closeIdleConnections(), 100);
    return new Promise((resolve) => {
      server.close(() => {
        clearInterval(closing);
        resolve();
      });
    });
  };
  return {
    url: addressOf(server, tls === undefined ? 'http' : 'https'),
    drain,
    close() {
      const closed = drain();
      server.closeAllConnections();
      return closed;
    },
  };
}

async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
  state: { readonly isDraining: boolean },
): Promise<void> {
  const started = performance.now();
  const left = new AbortController();
  const id = newRequestId();
  const exchange: Exchange = { id, request, response, signal: left.signal, facts: {} };
  const { method = 'GET' } = request;
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  let route: string | undefined;
  response.on('error', () => undefined); // of a client that has gone away, which closing tells too
  const closed = new Promise<void>((resolve) => {
    response.once('close', () => {
      if (!response.writableFinished) left.abort(new RequestError(499, 'CLIENT_GONE', 'the client has gone away'));
      resolve();
    });
  });
  response.setHeader('x-request-id', id);
  for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
  try {
    checkHost(request, options.access);
    if (!allowOrigin(exchange, options)) {
      const found = findRoute(options.routes, method, path);
      route = found.route.path;
      if (state.isDraining && !found.route.isAlways)
        throw unavailable('SHUTTING_DOWN', 'the server is shutting down', 5);
      if (!found.route.isOpen) checkKey(request, options.access);
      if (request.headers.expect !== undefined && method === 'POST') response.writeContinue();
      await found.route.handle(exchange, found.parts);
    }
  } catch (error) {
    tellError(exchange, error);
  }
  await closed;
  throwRestAway(request);
  const status = response.writableFinished ? response.statusCode : 499;
  const seconds = (performance.now() - started) / 1000;
  options.onAnswered({ id, method, path, route, status, seconds, facts: exchange.facts });
}

/** @returns whether that was all: a browser asks before it sends what a page of another origin wants to send */
function allowOrigin({ request, response }: Exchange, { access, tls }: HttpServerOptions): boolean {
  const isAsking = request.method === 'OPTIONS';
  const allowed = checkOrigin(request, access, tls === undefined ? 'http' : 'https');
  if (access.corsOrigins.length > 0) response.setHeader('vary', 'origin');
  if (allowed !== undefined) {
    response.setHeader('access-control-allow-origin', allowed);
    response.setHeader('access-control-expose-headers', 'x-request-id, retry-after');
    if (isAsking) {
      response.setHeader('access-control-allow-methods', 'GET, POST, DELETE');
      const asked = request.headers['access-control-request-headers'];
      if (asked !== undefined && /^[\w, -]+$/.test(asked)) response.setHeader('access-control-allow-headers', asked);
      response.setHeader('access-control-max-age', '600');
    }
  }
  if (isAsking && allowed !== undefined) response.writeHead(204).end();
  return isAsking && allowed !== undefined;
}

/** Tells a client what went wrong, where it can still be told. */
function tellError(exchange: Exchange, error: unknown): void {
  const { id, response, signal, facts } = exchange;
  facts.error = error;
  if (signal.aborted || response.destroyed) return void response.destroy();
  // The answer has begun: all that can be said is that it does not end well.
  if (response.headersSent) return void response.destroy();
  const { status, headers, body } = errorAnswer(error, id, facts.hidden);
  sendJson(exchange, body, { status, headers });
}

/** Throws away for a while what a client still sends; else it would meet a closed door and not read the answer. */
function throwRestAway(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const { socket } = request;
  const closing = setTimeout(() => socket.destroy(), lingerMs);
  request.once('close', () => clearTimeout(closing));
  request.on('error', () => undefined).resume();
}

/** What is no HTTP, or too slow, or too large for it, is told so where that is possible. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, code, message] = (() => {
    if (error.code === 'HPE_HEADER_OVERFLOW')
      return ['431 Request Header Fields Too Large', 'headers_too_large', 'the headers are too large'];
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
      return ['408 Request Timeout', 'slow_sender', 'the request does not come to its end'];
    return ['400 Bad Request', 'bad_request', 'this is no HTTP request'];
  })();
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code } });
  const headers = `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`, () => socket.destroy());
}

/** Why a server cannot listen, for people. */
export function cannotListen(
  { host, port }: Pick<HttpServerOptions, 'host' | 'port'>,
  cause: NodeJS.ErrnoException,
  hint: string,
): WhisperNpuError {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program listens there',
    EADDRNOTAVAIL: 'this machine has no such address',
    EACCES: 'this user may not',
    ENOTFOUND: 'there is no such name',
  };
  return new WhisperNpuError(
    'CANNOT_LISTEN',
    `cannot listen on ${host}, port ${port}: ${reasons[cause.code ?? ''] ?? cause.message}`,
    { hint, cause },
  );
}

/** The address of a server that listens, as `http://[::1]:8000`. */
export function addressOf(server: NetServer, scheme: string): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
