import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestError } from './request-error.ts';

/** What becomes known of a request while it is answered, for the log and the figures. */
export interface RequestFacts {
  model?: string;
  audioSeconds?: number;
  /** How long its recording, which had come, waited for its turn. */
  waitSeconds?: number;
  /** What was said in the recording. */
  text?: string;
  /** What went wrong, for those who run the server. */
  error?: unknown;
  /** Texts of an error that mean nothing to a client, and what to say instead. */
  hidden?: ReadonlyMap<string, string>;
}

/** A request and its answer. */
export interface Exchange {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client has gone away. */
  readonly signal: AbortSignal;
  readonly facts: RequestFacts;
}

/** What the log and an answer call a request. */
export function newRequestId(): string {
  return `req_${randomBytes(12).toString('hex')}`;
}

/** A client that takes nothing of its answer for so long is given up. */
const slowReaderMs = 60_000;

/** Answers with a text; a GET that only wants the headers gets those. */
export function sendText(
  { request, response }: Exchange,
  text: string,
  type: string,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): void {
  const body = Buffer.from(text);
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

export function sendJson(
  exchange: Exchange,
  value: unknown,
  more: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): void {
  sendText(exchange, JSON.stringify(value), 'application/json; charset=utf-8', more);
}

/** Writes a piece of an answer, and waits where the client is slow. @throws RequestError where it takes nothing at all */
export async function writePiece({ response, signal }: Exchange, piece: string): Promise<void> {
  signal.throwIfAborted();
  if (response.write(piece)) return;
  const done = new AbortController();
  const tooSlow = async () => {
    await sleep(slowReaderMs, undefined, { signal: done.signal });
    response.destroy();
    throw new RequestError(408, 'SLOW_READER', 'the client does not take its answer');
  };
  try {
    await Promise.race([once(response, 'drain', { signal }), tooSlow()]);
  } finally {
    done.abort();
  }
}
