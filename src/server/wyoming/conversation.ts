import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Segment } from '../../transcribe/segment.ts';
import { errorAnswer } from '../http/error-answer.ts';
import { newRequestId, type RequestFacts } from '../http/exchange.ts';
import type { AnsweredRequest } from '../http/http-server.ts';
import { RequestError, unavailable } from '../http/request-error.ts';
import { plainText } from '../openai/answers.ts';
import { readSpeechRequest } from '../openai/fields.ts';
import { startRecognition } from '../openai/transcriptions.ts';
import { inTurn } from '../openai/upload-work.ts';
import type { ServerParts } from '../server-parts.ts';
import { type Frame, frameBytes, notWyoming, readFrames } from './frames.ts';
import { wyomingInfo } from './info.ts';
import { beginSpoken, type Spoken } from './spoken.ts';

export interface ConversationOptions {
  readonly parts: ServerParts;
  /** A client that neither speaks nor is waited for is given up after so long. */
  readonly idleMs: number;
  /** How often is looked whether one is still there who says no more and waits for an answer. */
  readonly probeMs: number;
  isDraining(): boolean;
  onAnswered(answered: AnsweredRequest): void;
}

/** A client that is connected. */
export interface Conversation {
  /** Whether something is spoken, or being transcribed. */
  readonly isBusy: boolean;
  /** Comes when it is over, whatever happened. */
  readonly over: Promise<void>;
}

function gone(): RequestError {
  return new RequestError(499, 'CLIENT_GONE', 'the client has gone away');
}

/** Talks with a client until one of them has enough. */
export function converse(socket: Socket, options: ConversationOptions): Conversation {
  const left = new AbortController();
  socket.on('error', () => undefined); // closing tells it too
  socket.once('close', () => left.abort(gone()));
  const state: State = { spoken: undefined, asked: [], isWorking: false };
  socket.setTimeout(options.idleMs, () => {
    if (!state.isWorking) socket.destroy();
  });
  socket.once('end', () => probeWhileOpen(socket, options.probeMs));
  const over = listen(socket, options, state, left.signal).finally(async () => {
    await state.spoken?.[Symbol.asyncDispose]();
    socket.end(() => socket.destroySoon());
  });
  return {
    get isBusy() {
      return state.spoken !== undefined;
    },
    over,
  };
}

/** Who has gone away altogether and who only says no more look the same, until something is sent: this, which clients pass over. */
function probeWhileOpen(socket: Socket, probeMs: number): void {
  const probe = setInterval(() => {
    if (socket.writable && !socket.writableNeedDrain) socket.write(frameBytes('ping', { text: null }));
  }, probeMs);
  socket.once('close', () => clearInterval(probe));
}

interface State {
  spoken: (Spoken & { readonly log: Log }) | undefined;
  /** What is asked of the next recording, as fields of a form. */
  asked: readonly (readonly [name: string, value: string])[];
  isWorking: boolean;
}

async function listen(socket: Socket, options: ConversationOptions, state: State, signal: AbortSignal): Promise<void> {
  // Who says no more may still wait for an answer, so that the end of what comes is not that of the connection.
  const frames = readFrames(socket.iterator({ destroyOnReturn: false }));
  try {
    let coming = frames.next();
    for (;;) {
      const { done, value: frame } = await coming;
      if (done || signal.aborted) {
        state.spoken?.log.end(gone());
        return;
      }
      // It is listened to at all times, so that one who goes away is noticed.
      coming = frames.next();
      coming.catch(() => undefined);
      await answer(frame, socket, options, state, signal);
      if (options.isDraining() && state.spoken === undefined) return;
    }
  } catch (error) {
    // Connections on which nothing is being spoken break off all the time.
    if (state.spoken === undefined && !(error instanceof RequestError)) return;
    const log = state.spoken?.log ?? openLog(options);
    log.end(signal.aborted && !(error instanceof RequestError) ? gone() : error);
    if (signal.aborted || socket.destroyed) return;
    const { body } = errorAnswer(error, log.id, log.facts.hidden);
    const { message: text, code } = body.error;
    await say(socket, 'error', { text, code }, signal).catch(() => undefined);
  }
}

async function answer(
  frame: Frame,
  socket: Socket,
  options: ConversationOptions,
  state: State,
  signal: AbortSignal,
): Promise<void> {
  const { parts } = options;
  const begin = async () => {
    if (options.isDraining()) throw unavailable('SHUTTING_DOWN', 'the server is shutting down', 5);
    const log = openLog(options);
    const tooSlow = (error: RequestError) => socket.destroy(error);
    state.spoken = { ...(await beginSpoken(frame, socket, parts, tooSlow)), log };
    return state.spoken;
  };
  switch (frame.type) {
    case 'describe':
      return await say(socket, 'info', await wyomingInfo(parts), signal);
    case 'ping':
      return await say(socket, 'pong', { text: frame.data['text'] ?? null }, signal);
    case 'transcribe':
      state.asked = askedOf(frame);
      return;
    case 'audio-start':
      if (state.spoken !== undefined) throw notWyoming('a second recording within one');
      await begin();
      return;
    case 'audio-chunk':
      return await (state.spoken ?? (await begin())).add(frame);
    case 'audio-stop':
      return await finish(socket, parts, state, signal);
    default: // What clients say to other programs is nothing that has to be understood.
      return;
  }
}

function askedOf({ data }: Frame): [name: string, value: string][] {
  return (['name', 'language'] as const).flatMap((name): [string, string][] => {
    const value = data[name] ?? '';
    if (typeof value !== 'string') throw notWyoming(`a ${name} that is no text`);
    return value === '' ? [] : [[name === 'name' ? 'model' : name, value]];
  });
}

async function finish(socket: Socket, parts: ServerParts, state: State, signal: AbortSignal): Promise<void> {
  const { spoken, asked } = state;
  if (spoken === undefined) throw notWyoming('the end of a recording without its beginning');
  state.isWorking = true;
  const { log, path, ticket, fields } = spoken;
  await spoken.finish();
  const file = { path, name: 'the recording' };
  const form = { fields: [...asked, ...fields], file, [Symbol.asyncDispose]: async () => {} };
  const request = readSpeechRequest(form, 'transcribe');
  const { facts } = log;
  await inTurn({ ticket, file, request, parts, signal, facts }, async ({ recording, pool }) => {
    const recognition = await startRecognition(recording, request, pool, parts, signal, undefined);
    const segments: Segment[] = [];
    for await (const segment of recognition.segments) segments.push(segment);
    const { audioSeconds, language } = recognition.info();
    const text = plainText(segments);
    Object.assign(facts, { audioSeconds, text });
    await say(socket, 'transcript', { text, language: language ?? null }, signal);
  });
  log.end(undefined);
  state.spoken = undefined;
  state.asked = [];
  state.isWorking = false;
  await spoken[Symbol.asyncDispose]();
}

/** Waits where the client is slow; one that takes nothing at all is given up as idle. */
async function say(
  socket: Socket,
  type: string,
  data: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (!socket.write(frameBytes(type, data))) await once(socket, 'drain', { signal });
}

interface Log {
  readonly id: string;
  readonly facts: RequestFacts;
  end(error: unknown): void;
}

/** What the log says of a recording, beside the requests over HTTP. */
function openLog({ onAnswered }: ConversationOptions): Log {
  const started = performance.now();
  const id = newRequestId();
  const facts: RequestFacts = {};
  return {
    id,
    facts,
    end(error) {
      if (error !== undefined) facts.error = error;
      const status = error === undefined ? 200 : errorAnswer(error, id).status;
      const seconds = (performance.now() - started) / 1000;
      onAnswered({ id, method: 'WYOMING', path: 'transcribe', route: 'wyoming', status, seconds, facts });
    },
  };
}
