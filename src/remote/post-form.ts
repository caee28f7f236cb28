import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AudioError, ServerError } from '../errors.ts';
import type { FormBody } from './form-body.ts';
import { connectionLost, errorOfServer, notOurs, unreachable } from './server-failure.ts';
import { readFailure } from './transcript-news.ts';

/** A server, and how it is asked. */
export interface RemoteServer {
  /** As people write it. */
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly signal: AbortSignal;
  /** Told for how many seconds is waited before the server is asked again. */
  onBusy(seconds: number): void;
}

/** For so long a server that is busy is asked again and again, and one that is not ready or failed. */
const patienceMs = { 429: 3_600_000, 503: 60_000 };
const longestWaitSeconds = 60;
/** Explanations of errors are short. */
const longestFailure = 65_536;

/**
 * Sends a form, again where the server asks for that.
 *
 * @returns the answer, whose body is yet to be read
 * @throws ServerError, or what the server says of the recording
 */
export async function postForm(server: RemoteServer, path: string, body: FormBody): Promise<IncomingMessage> {
  const { url, signal } = server;
  const started = performance.now();
  for (;;) {
    const answer = await sendOnce(server, path, body);
    const { statusCode: status = 0, headers } = answer;
    if (status === 200) return answer;
    const text = await textOf(answer).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw connectionLost(url, cause);
    });
    const failure = readFailure(text);
    if (failure === undefined) throw notOurs(url, `it answers with ${status}`);
    const again = Number(headers['retry-after'] ?? Number.NaN);
    const patience = status === 429 || status === 503 ? patienceMs[status] : 0;
    if (!(again >= 0) || performance.now() - started >= patience)
      throw status === 429
        ? new ServerError('SERVER_BUSY', `${url} is busy: ${failure.message}`, { hint: 'try again later' })
        : errorOfServer(url, failure, status);
    const seconds = Math.min(again, longestWaitSeconds);
    server.onBusy(seconds);
    await sleep(1000 * seconds, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** @returns what the server answers, be it before it has all of the form */
async function sendOnce({ url, apiKey, signal }: RemoteServer, path: string, body: FormBody): Promise<IncomingMessage> {
  const address = new URL(`${url.replace(/\/+$/, '').replace(/\/v1$/, '')}${path}`);
  const open = address.protocol === 'https:' ? tlsRequest : plainRequest;
  const headers = {
    'content-type': body.contentType,
    accept: 'text/event-stream',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  const request = open(address, { method: 'POST', headers, signal, agent: false });
  request.on('socket', (socket) => void socket.setKeepAlive(true, 30_000));
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
    request.once('close', () => reject(new Error('it closed the connection')));
  });
  const sending = pipeline(Readable.from(body.bytes()), request).catch((error: unknown) => {
    if (error instanceof AudioError) throw error; // else the request tells by itself
  });
  try {
    return await Promise.race([answered, sending.then(() => answered)]);
  } catch (cause) {
    request.destroy();
    signal.throwIfAborted();
    throw cause instanceof AudioError ? cause : unreachable(url, cause);
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    text += chunk;
    if (text.length > longestFailure) break;
  }
  return text;
}
