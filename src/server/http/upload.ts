import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import busboy from 'busboy';
import { printable } from '../../printable.ts';
import type { Exchange } from './exchange.ts';
import { RequestError, unavailable } from './request-error.ts';
import { watchPace } from './sender-pace.ts';
import type { UploadFolder } from './upload-folder.ts';

/** How much a form may hold, and how slowly it may come. */
export interface UploadLimits {
  readonly maxBytes: number;
  readonly minBytesPerSecond: number;
  /** Over which the pace is taken. */
  readonly paceSeconds: number;
}

/** A recording that was sent, in a file. */
interface UploadedFile {
  readonly path: string;
  /** As the client calls it, in a line that can be shown. */
  readonly name: string;
}

/** A form that was sent. Disposing of it removes the file. */
export interface UploadedForm extends AsyncDisposable {
  /** In the order in which they came; a name may come several times. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly file: UploadedFile | undefined;
}

const fileField = 'file';
/** Of a form as any client sends it, with room: names and values are short, but a prompt may be a page. */
const formLimits = { files: 1, fields: 100, parts: 110, fieldNameSize: 200, fieldSize: 65_536, headerPairs: 20 };

/**
 * Reads a form, in whatever order its parts come; a recording goes straight to a file.
 *
 * @throws RequestError 400 for what is no such form, 408 for senders that are too slow, 413 for what is too large, 415 for
 *   another type
 */
export async function readUpload(
  { request, signal }: Exchange,
  folder: UploadFolder,
  limits: UploadLimits,
): Promise<UploadedForm> {
  checkSaidLength(request.headers, limits);
  const parser = openParser(request.headers);
  const fields: (readonly [string, string])[] = [];
  const stopped = new AbortController();
  const stop = (reason: unknown) => stopped.abort(reason);
  let file: UploadedFile | undefined;
  let writing: Promise<void> | undefined;

  parser.on('field', (name, value, { nameTruncated, valueTruncated }) => {
    if (nameTruncated || valueTruncated)
      stop(tooLarge(`the field ${name.slice(0, 40)} is too long`, name.slice(0, 40)));
    else fields.push([name, value]);
  });
  parser.on('file', (name, stream: Readable, { filename }) => {
    // It fails with its form, which tells why; unheard, that would end the program.
    stream.on('error', () => undefined);
    if (name !== fileField) {
      stream.resume();
      return stop(
        new RequestError(400, 'UNKNOWN_FILE', `${named(name)} is no file that is taken: expected ${fileField}`, {
          param: named(name),
        }),
      );
    }
    file = { path: folder.newPath(), name: named(filename) };
    writing = pipeline(stream, createWriteStream(file.path, { flags: 'wx', mode: 0o600 }));
    writing.catch((cause) => stop(diskError(cause)));
  });
  parser.on('filesLimit', () =>
    stop(new RequestError(400, 'SEVERAL_FILES', 'one file is taken', { param: fileField })),
  );
  for (const event of ['fieldsLimit', 'partsLimit'] as const)
    parser.on(event, () => stop(tooLarge('the form has too many fields')));

  const remove = async () => {
    await writing?.catch(() => undefined);
    if (file !== undefined) await rm(file.path, { force: true });
  };
  const pace = watchPace(request, limits, stop);
  try {
    await feed(request, parser, limits.maxBytes, [signal, stopped.signal]);
    await writing;
    stopped.signal.throwIfAborted();
    return { fields, file, [Symbol.asyncDispose]: remove };
  } catch (error) {
    // Removing the file breaks off what writes it, which then has a reason of its own.
    const reason: unknown = error instanceof RequestError ? error : stopped.signal.reason;
    await remove();
    signal.throwIfAborted();
    throw reason instanceof RequestError ? reason : notAForm(error);
  } finally {
    pace.stop();
  }
}

/** Gives a body to its parser. What is left of it stays where it is: the answer still has to go through the same connection. */
async function feed(
  request: IncomingMessage,
  parser: busboy.Busboy,
  maxBytes: number,
  signals: readonly AbortSignal[],
): Promise<void> {
  const done = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      let count = 0;
      const take = (block: Buffer) => {
        count += block.length;
        if (count > maxBytes) reject(bodyTooLarge(maxBytes));
        else if (!parser.write(block)) request.pause();
      };
      const onDrain = () => request.resume();
      const onEnd = () => parser.end();
      const onClose = () => {
        if (!request.readableEnded) reject(new Error('it was cut short'));
      };
      done.signal.addEventListener('abort', () => {
        request.off('data', take).off('end', onEnd).off('close', onClose).off('error', reject).pause();
        parser.off('drain', onDrain);
      });
      for (const signal of signals) {
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal });
      }
      parser.on('drain', onDrain).on('close', resolve).on('error', reject);
      request.on('data', take).on('end', onEnd).on('close', onClose).on('error', reject);
    });
  } finally {
    done.abort();
    parser.destroy(); // with the file that it may be writing
  }
}

function openParser(headers: IncomingHttpHeaders): busboy.Busboy {
  const type = headers['content-type'] ?? 'nothing';
  if (!/^multipart\/form-data\s*;/i.test(type))
    throw new RequestError(415, 'NOT_A_FORM', `the body is ${type.slice(0, 100)}: expected multipart/form-data`);
  try {
    return busboy({ headers, limits: formLimits, defParamCharset: 'utf8' });
  } catch (cause) {
    throw notAForm(cause);
  }
}

function checkSaidLength(headers: IncomingHttpHeaders, { maxBytes }: UploadLimits): void {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
}

function bodyTooLarge(maxBytes: number): RequestError {
  return tooLarge(
    `the request is larger than ${maxBytes / 1e6} MB`,
    fileField,
    'send a part of it, or a compressed format',
  );
}

function tooLarge(message: string, param?: string, hint?: string): RequestError {
  return new RequestError(413, 'TOO_LARGE', message, {
    ...(param === undefined ? {} : { param }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function notAForm(cause: unknown): RequestError {
  if (cause instanceof RequestError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RequestError(400, 'DAMAGED_FORM', `the body is no whole form: ${reason}`, { cause });
}

/** Why a recording cannot be kept. */
export function diskError(cause: unknown): RequestError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return unavailable('DISK_FULL', 'there is no room for the recording', 30);
  if (code === undefined || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR') return notAForm(cause);
  return unavailable('UPLOADS_NOT_WRITABLE', `the recording cannot be kept (${code})`, 30);
}

function named(name: string | undefined): string {
  return name === undefined || name === '' ? 'the recording' : printable(name).slice(0, 200);
}
